"""What stands between the network and the application: hosts, credentials, origins and limits."""
