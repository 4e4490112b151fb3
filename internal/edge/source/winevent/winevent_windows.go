package winevent

import (
	"errors"
	"fmt"
	"time"

	"filo/internal/edge/source/reading"

	"golang.org/x/sys/windows"
)

const (
	batch   = 64
	restart = 5 * time.Second
)

var standard = []string{"Security", "System", "Application"}

// Source follows channels of the event log. Lines are records as Windows writes
// them in XML, with the line ends inside written as references.
type Source struct {
	c        Config
	channels []*channel
	tally    reading.Tally
	buf      []uint16
	text     []byte
}

// channel is one channel that is followed.
type channel struct {
	name     string
	signal   windows.Handle
	results  handle
	bookmark handle
	mark     string // the bookmark as text, up to date when fresh is false
	fresh    bool   // records were given since
	last     uint64 // number of the last record given
	waiting  []handle
	failed   time.Time
}

// Open follows the channels from pos on. One that this machine does not have or
// does not let the agent read is an error.
func Open(c Config, pos reading.Position) (*Source, error) {
	if len(c.Channels) == 0 {
		c.Channels = standard
	}
	s := &Source{c: c}
	for _, name := range c.Channels {
		ch := &channel{name: name}
		s.channels = append(s.channels, ch)
		p := pos.Files[name]
		ch.mark, ch.last = p.Cursor, uint64(p.Offset)
		if err := ch.open(c.FromEnd); err != nil {
			s.Close()
			return nil, fmt.Errorf("channel %s of the event log: %w (list them with: wevtutil el; Security needs an administrator's or the system's account)", name, err)
		}
	}
	return s, nil
}

func (ch *channel) open(fromEnd bool) (err error) {
	if ch.signal, err = windows.CreateEvent(nil, 1, 1, nil); err != nil {
		return err
	}
	if ch.bookmark, err = newBookmark(ch.mark); err != nil {
		return err
	}
	if ch.mark == "" && fromEnd {
		if err := ch.pass(); err != nil {
			return err
		}
	}
	switch {
	case ch.mark != "" || ch.fresh:
		ch.results, err = subscribe(ch.name, ch.signal, ch.bookmark, fromBookmark)
	case fromEnd: // an empty channel
		ch.results, err = subscribe(ch.name, ch.signal, 0, fromFuture)
	default:
		ch.results, err = subscribe(ch.name, ch.signal, 0, fromOldest)
	}
	return err
}

// pass puts the bookmark on the youngest record, so that what comes after is
// not missed, even when the agent is stopped before it reads anything.
func (ch *channel) pass() error {
	h, err := newest(ch.name)
	if err != nil || h == 0 {
		return err
	}
	defer h.close()
	ch.fresh = true
	return ch.bookmark.mark(h)
}

func (ch *channel) close(buf *[]uint16) {
	ch.place(buf)
	for _, h := range ch.waiting {
		h.close()
	}
	ch.waiting = nil
	ch.results.close()
	ch.bookmark.close()
	if ch.signal != 0 {
		_ = windows.CloseHandle(ch.signal)
	}
	ch.results, ch.bookmark, ch.signal = 0, 0, 0
}

// place brings the bookmark's text up to date.
func (ch *channel) place(buf *[]uint16) {
	if !ch.fresh || ch.bookmark == 0 {
		return
	}
	if x, err := ch.bookmark.render(renderBookmark, buf); err == nil {
		ch.mark, ch.fresh = windows.UTF16ToString(x), false
	}
}

// Read gives records of the channels in turn.
func (s *Source) Read(most int, f func(line []byte) error) (int, error) {
	n := 0
	var errs []error
	for _, ch := range s.channels {
		if ch.results == 0 {
			if time.Since(ch.failed) < restart {
				continue
			}
			if err := ch.open(false); err != nil {
				ch.close(&s.buf)
				ch.failed = time.Now()
				errs = append(errs, fmt.Errorf("channel %s: %w", ch.name, err))
				continue
			}
		}
		k, err := s.channel(ch, most-n, f)
		n += k
		var stop *refused
		if errors.As(err, &stop) {
			return n, stop.error
		}
		if err != nil { // the service of the event log was restarted
			ch.close(&s.buf)
			ch.failed = time.Now()
			errs = append(errs, fmt.Errorf("channel %s: %w", ch.name, err))
		}
	}
	return n, errors.Join(errs...)
}

// refused carries an error of whoever takes the lines.
type refused struct{ error }

func (s *Source) channel(ch *channel, most int, f func([]byte) error) (int, error) {
	for n := 0; ; n++ {
		if n >= most {
			return n, nil
		}
		if len(ch.waiting) == 0 {
			got := make([]handle, batch)
			k, err := ch.results.next(got)
			if err != nil || k == 0 {
				return n, err
			}
			ch.waiting = got[:k]
		}
		if err := s.record(ch, ch.waiting[0], f); err != nil {
			return n, err
		}
		ch.waiting[0].close()
		ch.waiting = ch.waiting[1:]
	}
}

func (s *Source) record(ch *channel, h handle, f func([]byte) error) error {
	x, err := h.render(renderXML, &s.buf)
	if err != nil {
		s.tally.Drop(LostRender, 1)
	} else {
		s.text = line(s.text[:0], x)
		out, cut := s.text, false
		if len(out) > reading.MaxLine {
			out, cut = reading.Whole(out[:reading.MaxLine]), true
		}
		if err := f(out); err != nil {
			return &refused{err}
		}
		s.tally.Read(1)
		if cut {
			s.tally.Cut(1)
		}
		id := recordID(s.text)
		if ch.last > 0 && id > ch.last+1 {
			s.tally.Drop(LostOverwritten, id-ch.last-1)
		}
		ch.last = id
	}
	ch.fresh = true
	return ch.bookmark.mark(h)
}

// Position is the bookmark in each channel.
func (s *Source) Position() reading.Position {
	m := map[string]reading.Position{}
	for _, ch := range s.channels {
		ch.place(&s.buf)
		if ch.mark != "" {
			m[ch.name] = reading.Position{Offset: int64(ch.last), Cursor: ch.mark}
		}
	}
	return reading.Position{Files: m}
}

// Rewind goes back to a position kept before.
func (s *Source) Rewind(p reading.Position) error {
	for _, ch := range s.channels {
		ch.close(&s.buf)
		ch.mark, ch.last, ch.fresh, ch.failed = p.Files[ch.name].Cursor, uint64(p.Files[ch.name].Offset), false, time.Time{}
	}
	return nil
}

// Counters gives the account; the lag is in records fetched and not yet given.
func (s *Source) Counters() reading.Counters {
	lag := 0
	for _, ch := range s.channels {
		lag += len(ch.waiting)
	}
	return s.tally.Counters(int64(lag))
}

// Close ends all subscriptions.
func (s *Source) Close() {
	for _, ch := range s.channels {
		ch.close(&s.buf)
	}
}
