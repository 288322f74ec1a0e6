"""Types, tables, runs and errors that every layer shares."""
