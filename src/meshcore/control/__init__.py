"""What a person decides: approvals, halts, modes, confirmations, and the protection and rotation of keys.

The command line and the terminal call it; each decision is a row in the store, and a record where others must know.
"""
