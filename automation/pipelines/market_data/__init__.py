"""The sample pipeline: market files in, a report of returns, volatility and drawdown out."""
