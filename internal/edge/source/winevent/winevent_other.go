//go:build !windows

package winevent

import (
	"errors"

	"filo/internal/edge/source/reading"
)

// Source is a source on Windows only.
type Source struct{ reading.Source }

// Open says that there is no such log here.
func Open(Config, reading.Position) (*Source, error) {
	return nil, errors.New("the event log of Windows is followed on Windows only; its files are read anywhere with evtx:FILE")
}
