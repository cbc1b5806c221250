"""What a running pipeline holds to record itself."""
