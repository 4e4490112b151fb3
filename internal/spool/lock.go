package spool

import "errors"

const lockFile = "lock"

// ErrLocked says that another process works in a folder.
var ErrLocked = errors.New("another process works in this folder")
