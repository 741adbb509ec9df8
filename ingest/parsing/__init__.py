"""Ways of cutting a file into records that several formats share: lines, delimited text, JSON, time stamps."""
