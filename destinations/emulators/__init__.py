"""Stand-ins for the services, on loopback, so that everything can be tried without an account. Demo mode only."""
