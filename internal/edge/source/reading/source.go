package reading

// Source is one way by which logs reach the agent. It is used by one goroutine.
type Source interface {
	// Read gives f the whole lines that came since the last call, up to most
	// of them, and how many they were. The line is valid only during the call.
	// An error of f ends the call and the line comes again. It never waits for
	// lines to come.
	Read(most int, f func(line []byte) error) (int, error)
	// Position is where reading stopped. The agent keeps it together with what
	// the lines made it count; a position counts as kept when the next one is
	// asked for.
	Position() Position
	// Rewind goes back to a position kept before: what was read since comes
	// again.
	Rewind(Position) error
	Counters() Counters
	Close()
}

// Headed is a source of files whose first lines say what the columns of the
// others mean. f is called with them, outside of Read's count, whenever lines
// follow that need them and came from elsewhere: after a restart in the middle of
// a file, and when a set of files turns from one to another. It is asked for once,
// before the first Read.
type Headed interface {
	Heads(f func(line []byte))
}
