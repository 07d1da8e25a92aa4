"""Agent programs: one module each for what it sends to a hook, what it accepts back, and where it is configured."""
