"""Values that every room exchanges, and what files and threads they travel through."""
