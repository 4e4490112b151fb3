// Package stdin takes lines from standard input, for what reaches a machine only
// through a program of its own: the program writes, the agent reads. A pipe
// cannot be read twice, so the lines are queued on disk first; a writer that is
// faster than the agent waits.
package stdin

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"filo/internal/edge/source/queue"
	"filo/internal/edge/source/reading"
)

// Source queues what comes from a stream that is read once.
type Source struct {
	*queue.Queue
	ended atomic.Bool
	stop  atomic.Bool
}

// Open begins to read r and goes on reading the queue at pos.
func Open(r io.Reader, dir string, limit int64, pos reading.Position) (*Source, error) {
	q, err := queue.Open(dir, limit, pos)
	if err != nil {
		return nil, err
	}
	s := &Source{Queue: q}
	go s.fill(r)
	return s, nil
}

func (s *Source) fill(in io.Reader) {
	defer s.ended.Store(true)
	r, packed, undo, err := reading.Plain(in)
	if err != nil {
		s.Drop("standard input cannot be read", 1)
		return
	}
	defer undo()
	lines := reading.NewSplitter(r, 0, reading.Bytes, false)
	for !s.stop.Load() {
		line, cut, err := lines.Line()
		if cut {
			s.Cut(1)
		}
		if err == nil {
			s.put(line)
			continue
		}
		if rest, ok := lines.Rest(); ok {
			s.put(rest)
		}
		if !errors.Is(err, io.EOF) {
			s.Drop(map[bool]string{true: "damaged compression", false: "standard input cannot be read"}[packed], 1)
		}
		return
	}
}

// put waits for room: whoever writes into the pipe waits too.
func (s *Source) put(line []byte) {
	for s.Full() && !s.stop.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	s.Append(line)
}

// Ended reports whether the stream has ended and all of it was read.
func (s *Source) Ended() bool { return s.ended.Load() && s.Counters().Lag == 0 }

// Close ends the queue. A read of the stream that waits goes on waiting; what it
// brings is counted as lost.
func (s *Source) Close() {
	s.stop.Store(true)
	s.Shut()
}
