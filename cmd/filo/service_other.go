//go:build !windows

package main

import (
	"context"
	"errors"
)

var errNoService = errors.New("install and uninstall make a service of Windows; here let systemd run «filo agent»: the manual has the unit to paste")

func installService([]string) error { return errNoService }

func uninstallService() error { return errNoService }

// underService is false here: whoever starts the agent sends it signals.
func underService(string) (bool, error) { return false, nil }

func runService(ctx context.Context, run func(context.Context) error) error { return run(ctx) }
