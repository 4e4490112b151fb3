//go:build !windows

package file

import "os"

// share opens a file that others may rename and delete meanwhile.
func share(path string) (*os.File, error) { return os.Open(path) }
