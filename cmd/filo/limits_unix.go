//go:build !windows

package main

import "syscall"

// openFiles gives how many files this process may hold open; 0 when unknown.
func openFiles() uint64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	return r.Cur
}
