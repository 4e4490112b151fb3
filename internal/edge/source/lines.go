package source

import (
	"bufio"
	"errors"
	"io"
	"os"

	"filo/internal/edge/source/evtx"
	"filo/internal/edge/source/mail"
	"filo/internal/edge/source/reading"
)

// Lines gives every line of a file that is read once, whatever it is: text of
// any encoding, compressed or not, an export that is one list in JSON, an event log
// file of Windows, a mail message.
// What it is shows in its first bytes. cut says that a line was longer than
// MaxLine. What could be read before an error has been given.
func Lines(name string, in io.Reader, f func(line []byte, cut bool)) (Counters, error) {
	var t reading.Tally
	take := func(line []byte, cut bool) {
		if len(line) > MaxLine {
			line, cut = reading.Whole(line[:MaxLine]), true
		}
		f(line, cut)
		t.Read(1)
		if cut {
			t.Cut(1)
		}
	}
	err := lines(name, in, &t, take)
	return t.Counters(0), err
}

func lines(name string, in io.Reader, t *reading.Tally, take func([]byte, bool)) error {
	if file, ok := in.(*os.File); ok {
		if done, err := eventLog(file, t, take); done {
			return err
		}
	}
	r, packed, undo, err := reading.Plain(in)
	if err != nil {
		return err
	}
	defer undo()
	head, _ := r.Peek(4096)
	switch {
	case evtx.Is(head):
		x := evtx.Reader{Tally: t}
		return x.Stream(r, func(rec evtx.Record) error { take(rec.Line, false); return nil })
	case mail.Is(name, head):
		line, err := mail.Line(r, mail.Options{Tally: t})
		if line != nil {
			take(line, false)
		}
		return err
	}
	if skip, ok := isArray(head); ok {
		_, _ = r.Discard(skip)
		err = array(r, take)
	} else {
		err = text(r, take)
	}
	if err != nil && packed {
		t.Drop("damaged compression", 1)
	}
	return err
}

// eventLog reads an event log file in the order of its records.
func eventLog(file *os.File, t *reading.Tally, take func([]byte, bool)) (done bool, err error) {
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return false, nil
	}
	var head [8]byte
	if _, err := file.ReadAt(head[:], 0); err != nil || !evtx.Is(head[:]) {
		return false, nil
	}
	x := evtx.Reader{Tally: t}
	return true, x.File(file, st.Size(), func(rec evtx.Record) error { take(rec.Line, false); return nil })
}

func text(r *bufio.Reader, take func([]byte, bool)) error {
	s := reading.NewSplitter(r, 0, reading.Bytes, false)
	for {
		line, cut, err := s.Line()
		if err != nil {
			if rest, ok := s.Rest(); ok {
				take(rest, false)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		take(line, cut)
	}
}
