"""Private runs: the keys that seal what they tell, one for each person, so that whoever throws a key away erases the data."""
