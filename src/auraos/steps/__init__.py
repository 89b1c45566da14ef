"""The built-in step types; they import the sdk and the pure floors, like everybody's."""
