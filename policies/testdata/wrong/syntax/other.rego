package acme.rules

findings := set()
