package history

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"filo/internal/spool"
)

// rest is how long a table whose span is over must not have grown before it
// becomes a segment.
const rest = 10 * time.Minute

// Roll turns the tables that will hardly grow any more into segments, and the
// largest when too much is open. The caller runs it when everything added was
// flushed and its mark is kept.
func (h *History) Roll(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(h.tables), func(a, b string) int {
		return cmp.Compare(len(h.tables[b].entries), len(h.tables[a].entries))
	})
	for _, name := range names {
		t := h.tables[name]
		full := h.entries > maxEntries || len(h.tables) > maxTables || t.journal.Size() > maxJournal
		ended := t.span.level == 'd' || now.Sub(t.span.end()) > time.Hour
		if t.rest.IsZero() {
			t.rest = now
		}
		if len(t.grown) > 0 || !full && (!ended || now.Sub(t.rest) < rest) {
			continue
		}
		s, err := h.roll(t)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		delete(h.tables, name)
		h.entries -= len(t.entries)
		h.segs = append(h.segs, s)
		if err := t.journal.Remove(); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	h.sort()
	return nil
}

func (h *History) roll(t *table, replaces ...string) (*segment, error) {
	w, err := newWriter(h.dir, t.stem, t.span, len(t.entries))
	if err != nil {
		return nil, err
	}
	w.meta.Replaces = replaces
	if err := t.each(w.add, w.log); err != nil {
		w.abort()
		return nil, err
	}
	for k, n := range t.lines {
		w.lines(t.logs[k.log], t.span.first+int64(k.hour), int64(n))
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	return openSegment(w.path)
}

// each gives the entries of a table as a segment wants them; number gives the
// number of a log.
func (t *table) each(f func(prefix uint64, list []posting) error, number func(string) int) error {
	keys := slices.SortedFunc(maps.Keys(t.entries), func(a, b entryKey) int { return cmp.Compare(a.key, b.key) })
	var list []posting
	for i, k := range keys {
		e := t.entries[k]
		list = append(list, posting{t.span.first + int64(k.hour), number(t.logs[k.log]), uint64(e.count), int(e.first), int(e.last)})
		if i+1 < len(keys) && prefix(keys[i+1].key) == prefix(k.key) {
			continue
		}
		if err := f(prefix(k.key), list); err != nil {
			return err
		}
		list = list[:0]
	}
	return nil
}

// Tidy merges the segments of days and months that are over, and deletes
// what is older than the look-back reaches or has no room. It may run beside
// everything else.
func (h *History) Tidy(now time.Time) error {
	h.tidying.Lock()
	defer h.tidying.Unlock()
	if err := h.retain(now); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	for {
		to, from := h.ripe(now)
		if len(from) == 0 {
			return nil
		}
		if err := h.merge(to, from); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
}

func (h *History) retain(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var room int64
	for _, s := range h.segs {
		room += s.size
	}
	var err error
	h.segs = slices.DeleteFunc(h.segs, func(s *segment) bool {
		old := now.Sub(s.span.end()) > h.opt.Keep
		if !old && h.opt.Budget > 0 && room > h.opt.Budget && s.span.end().Before(now) {
			h.evicted++
			old = true
		}
		if old {
			room -= s.size
			err = errors.Join(err, s.remove())
		}
		return old
	})
	return err
}

// ripe gives segments that should become one: those of a day over for more than
// a day, or of thirty days over for two.
func (h *History) ripe(now time.Time) (to span, from []*segment) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	days, months := map[span][]*segment{}, map[span][]*segment{}
	for _, s := range h.segs {
		if d := s.span.day(); s.span.level != 'm' && now.Sub(d.end()) > late {
			days[d] = append(days[d], s)
		}
		if m := s.span.month(); now.Sub(m.end()) > 2*dayHours*time.Hour {
			months[m] = append(months[m], s)
		}
	}
	for m, list := range months {
		// Late days are added to a whole month when there are several.
		if whole := slices.ContainsFunc(list, func(s *segment) bool { return s.span.level == 'm' }); len(list) > 1 && !whole || len(list) > 8 {
			return m, list
		}
	}
	for d, list := range days {
		if len(list) > 1 || list[0].span.level == 'h' {
			return d, list
		}
	}
	return to, nil
}

func (h *History) merge(to span, from []*segment) error {
	h.mu.Lock()
	stem := fmt.Sprintf("%s-%06d", to.name(), h.next)
	h.next++
	h.mu.Unlock()
	n := 0
	for _, s := range from {
		n += s.n
	}
	w, err := newWriter(h.dir, stem, to, n)
	if err != nil {
		return err
	}
	for _, s := range from {
		w.meta.Replaces = append(w.meta.Replaces, s.stem())
		for log, list := range s.meta.Lines {
			for _, x := range list {
				w.lines(log, s.span.first+x[0], x[1])
			}
		}
	}
	bad, err := mergeInto(w, from)
	if err != nil {
		w.abort()
		if bad != nil { // go on without it: what it held is lost, and said so
			return h.giveUp(bad)
		}
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	whole, err := openSegment(w.path)
	if err != nil {
		return err
	}
	return h.replace(from, whole)
}

func (h *History) replace(from []*segment, whole *segment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.segs = slices.DeleteFunc(h.segs, func(s *segment) bool { return slices.Contains(from, s) })
	if whole != nil {
		h.segs = append(h.segs, whole)
	}
	h.sort()
	var err error
	for _, s := range from {
		err = errors.Join(err, s.remove())
	}
	return err
}

// giveUp sets a damaged segment aside.
func (h *History) giveUp(s *segment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.segs = slices.DeleteFunc(h.segs, func(x *segment) bool { return x == s })
	s.close()
	return h.setAside(s.stem() + ".seg")
}

// Check reads every segment against its checksum; what does not fit is set aside
// and named in Health. It may run beside everything else.
func (h *History) Check() error {
	h.tidying.Lock()
	defer h.tidying.Unlock()
	h.mu.RLock()
	list := slices.Clone(h.segs)
	h.mu.RUnlock()
	for _, s := range list {
		if s.check() == nil {
			continue
		}
		if err := h.giveUp(s); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

// cursor walks one segment in the order of its keys.
type cursor struct {
	seg    *segment
	logs   []int // of the new segment
	bucket int
	i, to  int
	rest   []byte
	prefix uint64
	list   []posting
}

func (c *cursor) next() (more bool, err error) {
	defer guard(&err)
	for c.i >= c.to {
		if c.bucket++; c.bucket >= len(c.seg.index)/8-1 {
			return false, nil
		}
		c.i, _ = c.seg.row(c.bucket)
		if c.to, _ = c.seg.row(c.bucket + 1); c.to > c.seg.n {
			return false, spool.ErrDamaged
		}
	}
	c.list = c.list[:0]
	c.rest, err = c.seg.decode(c.rest, true, func(p posting) {
		p.log = c.logs[p.log]
		c.list = append(c.list, p)
	})
	c.prefix = uint64(c.bucket)<<c.seg.shift | c.seg.fp(c.i)
	c.i++
	return err == nil, err
}

// mergeInto writes the keys of several segments in order; bad is the segment
// that could not be read.
func mergeInto(w *segmentWriter, from []*segment) (bad *segment, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var open []*cursor
	for _, s := range from {
		if err := s.check(); err != nil {
			return s, err // or its damage would get a checksum that fits
		}
		c := &cursor{seg: s, bucket: -1, rest: s.postings}
		for _, name := range s.meta.Logs {
			c.logs = append(c.logs, w.log(strings.Clone(name)))
		}
		more, err := c.next()
		if err != nil {
			return s, err
		}
		if more {
			open = append(open, c)
		}
	}
	var list []posting
	for len(open) > 0 {
		least := open[0].prefix
		for _, c := range open[1:] {
			least = min(least, c.prefix)
		}
		list = list[:0]
		for i := 0; i < len(open); i++ {
			c := open[i]
			if c.prefix != least {
				continue
			}
			list = append(list, c.list...)
			more, err := c.next()
			if err != nil {
				return c.seg, err
			}
			if !more {
				open = slices.Delete(open, i, i+1)
				i--
			}
		}
		if err := w.add(least, list); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
