"""Who may ask the server what: tokens, sign-in links and the sessions of browsers."""
