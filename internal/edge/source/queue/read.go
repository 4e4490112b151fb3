package queue

import (
	"errors"
	"io"
	"os"

	"filo/internal/edge/source/reading"
)

// Read gives f the records that wait, up to most of them.
func (q *Queue) Read(most int, f func(line []byte) error) (int, error) {
	q.mu.Lock()
	end := q.end
	q.mu.Unlock()
	n := 0
	for n < most && q.at < end {
		if err := q.reach(); err != nil {
			return n, err
		}
		size, err := q.load(q.in, q.at-q.inSeg)
		if err != nil {
			q.pass(err)
			continue
		}
		if err := f(q.record); err != nil {
			return n, err
		}
		q.at += size
		n++
		q.Tally.Read(1)
	}
	return n, nil
}

// reach opens the segment in which the reader stands.
func (q *Queue) reach() error {
	seg, _ := q.around(q.at)
	if q.in != nil && q.inSeg == seg {
		return nil
	}
	if q.in != nil {
		q.in.Close()
		q.in = nil
	}
	f, err := os.Open(q.path(seg))
	if err != nil {
		return err
	}
	q.in, q.inSeg = f, seg
	return nil
}

// around gives where the segment that holds an offset begins and ends.
func (q *Queue) around(at int64) (begin, end int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	begin, end = q.first(), q.end
	for i, s := range q.segs {
		if s <= at {
			begin, end = s, q.end
			if i+1 < len(q.segs) {
				end = q.segs[i+1]
			}
		}
	}
	return begin, end
}

// pass goes on behind a segment that cannot be read further.
func (q *Queue) pass(err error) {
	_, end := q.around(q.at)
	if errors.Is(err, io.EOF) && q.at >= end {
		return
	}
	q.Drop(LostDamaged, 1)
	q.at = end
}

// Position gives where reading stopped, and deletes the segments that lie
// before the position asked for last, which is kept by now.
func (q *Queue) Position() reading.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.segs) > 1 && q.segs[1] <= q.asked {
		if q.in != nil && q.inSeg == q.segs[0] { // an open file is not deleted on Windows
			q.in.Close()
			q.in = nil
		}
		if err := os.Remove(q.path(q.segs[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			q.Note("queue segment not deleted", 1)
			break
		}
		q.segs = q.segs[1:]
	}
	q.asked = q.at
	return reading.Position{Offset: q.at}
}

// Rewind goes back to a position kept before. One that lies outside of what the
// queue holds is brought to its nearest end.
func (q *Queue) Rewind(p reading.Position) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at = min(max(p.Offset, q.first()), q.end)
	q.asked = q.at
	return nil
}

// Counters gives the account; the lag is in bytes.
func (q *Queue) Counters() reading.Counters {
	q.mu.Lock()
	lag := q.end - q.at
	q.mu.Unlock()
	return q.Tally.Counters(lag)
}
