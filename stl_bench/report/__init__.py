"""The report: recorded measurements on one page, with the command, seed and date of every figure."""
