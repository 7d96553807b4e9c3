package boltstore

// cannotSyncFolders: Windows has no sync for a folder and keeps names in its journal.
const cannotSyncFolders = true
