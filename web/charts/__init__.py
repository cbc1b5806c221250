"""The charts as geometry: values in, numbers out. Templates draw them, and tell them in words."""
