// Package journald follows the journal of a Linux machine through its own
// reader, journalctl, which knows every format and compression the journal ever
// had. The place is the journal's cursor.
package journald

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"filo/internal/edge/source/reading"
)

const (
	ahead   = 64 // lines read before they are asked for
	restart = 5 * time.Second
)

// NoteGap is told when the journal lost entries while nobody read.
const NoteGap = "gaps between record numbers"

// Config says what to follow.
type Config struct {
	Unit    string // such as ssh.service; empty: everything
	FromEnd bool   // pass over what is there, when there is no position
	Command string // the reader; empty: journalctl
}

// Source follows the journal. Lines are JSON objects as journalctl writes them.
type Source struct {
	c      Config
	cursor string
	tally  reading.Tally
	run    *running
	again  *entry // refused by whoever takes the lines
	failed time.Time
}

type entry struct {
	line   []byte
	cut    bool
	cursor string
}

// running is one run of the reader.
type running struct {
	lines  chan entry
	cancel context.CancelFunc
	err    error // valid when lines is closed
}

// Open follows the journal from pos on.
func Open(c Config, pos reading.Position) (*Source, error) {
	if c.Command == "" {
		c.Command = "journalctl"
	}
	if _, err := exec.LookPath(c.Command); err != nil {
		return nil, fmt.Errorf("the journal is read with journalctl, of systemd, which is not here: %w", err)
	}
	s := &Source{c: c, cursor: pos.Cursor}
	if s.cursor == "" && c.FromEnd {
		if err := s.end(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Source) arguments(more ...string) []string {
	a := append([]string{"--output=json", "--all", "--quiet", "--no-pager"}, more...)
	if s.c.Unit != "" {
		a = append(a, "--unit="+s.c.Unit)
	}
	return a
}

// end takes the place behind what is in the journal now.
func (s *Source) end() error {
	out, err := exec.Command(s.c.Command, s.arguments("--lines=1")...).Output()
	if err != nil {
		return fmt.Errorf("journal: %w", explain(err, nil))
	}
	s.cursor = cursorOf(out)
	return nil
}

func (s *Source) start() {
	args := s.arguments("--follow", "--no-tail")
	if s.cursor != "" {
		args = append(args, "--after-cursor="+s.cursor)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{lines: make(chan entry, ahead), cancel: cancel}
	s.run = r
	cmd := exec.CommandContext(ctx, s.c.Command, args...)
	cmd.WaitDelay = time.Second
	said := &tail{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.err = err
		close(r.lines)
		return
	}
	go func() {
		defer close(r.lines)
		err := r.follow(ctx, out)
		cancel()
		r.err = explain(errors.Join(err, cmd.Wait()), said.b)
	}()
}

func (r *running) follow(ctx context.Context, out io.Reader) error {
	s := reading.NewSplitter(bufio.NewReaderSize(out, reading.MaxLine), 1, reading.Bytes, false)
	for {
		line, cut, err := s.Line()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		select {
		case r.lines <- entry{bytes.Clone(line), cut, cursorOf(line)}:
		case <-ctx.Done():
			return nil
		}
	}
}

// tail keeps the end of what the reader complains of.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-500):]
	return len(b), nil
}

func explain(err error, said []byte) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(said) == 0 {
		said = exit.Stderr
	}
	if t := strings.TrimSpace(string(said)); t != "" {
		return fmt.Errorf("journalctl: %s", t)
	}
	if err == nil {
		err = errors.New("journalctl ended")
	}
	return err
}

// cursorOf finds the cursor of an entry. Inside of other fields its quotes would
// be escaped.
func cursorOf(line []byte) string {
	_, rest, ok := bytes.Cut(line, []byte(`"__CURSOR":"`))
	if !ok {
		if _, rest, ok = bytes.Cut(line, []byte(`"__CURSOR" : "`)); !ok {
			return ""
		}
	}
	c, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(c)
}

// Read gives the entries that have come. A reader that ended is started again.
func (s *Source) Read(most int, f func(line []byte) error) (int, error) {
	if s.run == nil {
		if time.Since(s.failed) < restart {
			return 0, nil
		}
		s.start()
	}
	for n := 0; n < most; n++ {
		e := s.again
		if e == nil {
			select {
			case x, ok := <-s.run.lines:
				if !ok {
					err := s.run.err
					s.run.cancel()
					s.run, s.failed = nil, time.Now()
					return n, err
				}
				e = &x
			default:
				return n, nil
			}
		}
		if err := f(e.line); err != nil {
			s.again = e
			return n, err
		}
		s.again = nil
		s.given(e)
	}
	return most, nil
}

func (s *Source) given(e *entry) {
	s.tally.Read(1)
	if e.cut {
		s.tally.Cut(1)
	}
	if e.cursor == "" {
		return
	}
	if s.c.Unit == "" && gap(s.cursor, e.cursor) {
		s.tally.Note(NoteGap, 1)
	}
	s.cursor = e.cursor
}

// gap reports whether numbers are missing between two entries of one journal:
// "s=" names the row of numbers, "i=" is the number.
func gap(a, b string) bool {
	as, ai := number(a)
	bs, bi := number(b)
	return as != "" && as == bs && bi > ai+1
}

func number(cursor string) (row string, n uint64) {
	for _, p := range strings.Split(cursor, ";") {
		if v, ok := strings.CutPrefix(p, "s="); ok {
			row = v
		}
		if v, ok := strings.CutPrefix(p, "i="); ok {
			n, _ = strconv.ParseUint(v, 16, 64)
		}
	}
	return row, n
}

// Position is the cursor of the last entry given.
func (s *Source) Position() reading.Position { return reading.Position{Cursor: s.cursor} }

// Rewind goes back to a position kept before.
func (s *Source) Rewind(p reading.Position) error {
	s.Close()
	s.cursor, s.again, s.failed = p.Cursor, nil, time.Time{}
	return nil
}

// Counters gives the account; the lag is in entries read ahead.
func (s *Source) Counters() reading.Counters {
	lag := 0
	if s.run != nil {
		lag = len(s.run.lines)
	}
	return s.tally.Counters(int64(lag))
}

// Close ends the reader.
func (s *Source) Close() {
	if s.run == nil {
		return
	}
	s.run.cancel()
	for range s.run.lines { // until it has ended
	}
	s.run = nil
}
