//go:build !windows

package spool

import "os"

// SyncDir makes a new or renamed file survive a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
