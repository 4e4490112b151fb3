// Package source opens the ways by which the logs of a Comune reach the agent:
// files, the journal, syslog from the network, flows, the event log of Windows
// and its files, mail messages, standard input. Each has a folder of its own;
// here a word of the configuration becomes one of them.
package source

import (
	"filo/internal/edge/source/file"
	"filo/internal/edge/source/reading"
)

// What all sources share; see package reading.
type (
	Source   = reading.Source
	Position = reading.Position
	Counters = reading.Counters
)

// MaxLine is the longest line given, in bytes.
const MaxLine = reading.MaxLine

// AtEnd gives the position behind what is in the file now.
func AtEnd(path string) (Position, error) { return file.AtEnd(path) }

// File follows one file, for those who know that it is one.
type File struct {
	*file.File
	Cut uint64 // lines that were longer than MaxLine
}

// NewFile begins where pos says; the zero Position is the beginning of the file.
func NewFile(path string, pos Position) *File { return &File{File: file.New(path, pos, false)} }

// Read gives f the whole lines that came since the last call.
func (s *File) Read(most int, f func(line []byte) error) (int, error) {
	n, err := s.File.Read(most, f)
	s.Cut = s.File.Counters().Cut
	return n, err
}
