"""Files that ship with the program: packs, icons, translations, licences, sample documents."""
