"""What the services need from the outside, as protocols; the floors above implement them."""
