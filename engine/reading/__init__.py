"""Files into documents: readers, and the supervised child process that runs them."""
