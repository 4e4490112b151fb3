package history

import (
	"cmp"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"filo/internal/observable"
)

// Seen is where and when a value of a question was seen.
type Seen struct {
	Count uint64
	First time.Time
	Last  time.Time
	Log   string // the one with most of them
	most  uint64
}

// Coverage says what an answer is worth: from when to when, which logs, how many
// lines, and the stretches of six hours and more in which nothing was read.
type Coverage struct {
	From  time.Time
	Until time.Time
	Logs  []string
	Lines uint64
	Gaps  []Gap
}

// Gap is a stretch without any line.
type Gap struct {
	From  time.Time
	Until time.Time
}

const (
	leastGap = 6
	maxGaps  = 100
)

// Look asks for values by their keys. The answer has those that were seen, and
// counts what was added since the last Flush too.
func (h *History) Look(keys []observable.Key, now time.Time) (map[observable.Key]*Seen, Coverage, error) {
	type ask struct {
		prefix uint64
		key    observable.Key
	}
	asked := make([]ask, len(keys))
	for i, k := range keys {
		asked[i] = ask{prefix(k), k}
	}
	slices.SortFunc(asked, func(a, b ask) int { return cmp.Compare(a.prefix, b.prefix) })
	out := map[observable.Key]*Seen{}
	add := func(k observable.Key, log string, hour int64, count uint64, first, last int) {
		s := out[k]
		from, to := time.Unix(hour*3600+int64(first), 0).UTC(), time.Unix(hour*3600+int64(last), 0).UTC()
		if s == nil {
			s = &Seen{First: from, Last: to}
			out[k] = s
		}
		s.Count += count
		if from.Before(s.First) {
			s.First = from
		}
		if to.After(s.Last) {
			s.Last = to
		}
		if count > s.most {
			s.most, s.Log = count, log
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	var bad error
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, s := range h.segs {
		bad = errors.Join(bad, func() (err error) {
			defer guard(&err)
			for i := range asked {
				a := &asked[i]
				if s.filter != nil && !s.filter.Contains(a.prefix) {
					continue
				}
				if err := s.find(a.prefix, func(p posting) { add(a.key, s.meta.Logs[p.log], p.hour, p.count, p.first, p.last) }); err != nil {
					return err
				}
			}
			return nil
		}())
	}
	for _, t := range h.tables {
		wanted := make(map[observable.Key]bool, len(asked))
		for i := range asked {
			wanted[asked[i].key] = true
		}
		for k, e := range t.entries {
			if wanted[k.key] {
				add(k.key, t.logs[k.log], t.span.first+int64(k.hour), uint64(e.count), int(e.first), int(e.last))
			}
		}
	}
	return out, h.coverage(now), bad
}

// coverage adds up what was read; the caller holds mu.
func (h *History) coverage(now time.Time) Coverage {
	c := Coverage{Until: now}
	hours, logs := map[int64]bool{}, map[string]bool{}
	note := func(log string, hour int64, n uint64) {
		c.Lines += n
		hours[hour], logs[log] = true, true
	}
	for _, s := range h.segs {
		for log, list := range s.meta.Lines {
			for _, x := range list {
				note(log, s.span.first+x[0], uint64(x[1]))
			}
		}
	}
	for _, t := range h.tables {
		for k, n := range t.lines {
			note(t.logs[k.log], t.span.first+int64(k.hour), n)
		}
	}
	for l := range logs {
		c.Logs = append(c.Logs, l)
	}
	slices.Sort(c.Logs)
	read := make([]int64, 0, len(hours)+1)
	for x := range hours {
		read = append(read, x)
	}
	if len(read) == 0 {
		return c
	}
	slices.Sort(read)
	at := func(hour int64) time.Time { return time.Unix(hour*3600, 0).UTC() }
	c.From = at(read[0])
	read = append(read, now.Unix()/3600)
	for i := 1; i < len(read) && len(c.Gaps) < maxGaps; i++ {
		if read[i]-read[i-1] > leastGap {
			c.Gaps = append(c.Gaps, Gap{at(read[i-1] + 1), at(read[i])})
		}
	}
	return c
}
