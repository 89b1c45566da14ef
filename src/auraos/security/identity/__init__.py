"""Who somebody is: people and service accounts, what they prove it with, and for how long that holds."""
