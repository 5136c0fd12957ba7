"""The log beyond what the streams keep: the messages of closed days as Parquet, written once, and read again."""
