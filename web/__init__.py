"""What people and programs see: the JSON, the pages and the stream that ``app.py`` serves."""
