"""Data: strangers' files into the pairs table, leaks between sets refused, tables into batches."""
