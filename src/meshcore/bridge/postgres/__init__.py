"""The bridge in a PostgreSQL database, for a team: an ordered log behind functions, one login for each host.

Only `bridge.open` may make one; psycopg is imported when such an address is opened.
"""
