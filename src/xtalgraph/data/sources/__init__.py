"""What crystals can come from: files, folders, tables, and objects in memory."""
