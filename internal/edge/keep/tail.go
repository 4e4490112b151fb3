package keep

import (
	"bytes"
	"slices"
	"time"
)

// tail is the end of one log: the last lines read, and those that will be kept.
type tail struct {
	ring    [before][]byte
	next    int
	n       int
	wanted  int // lines still to keep after the last mark
	pending bytes.Buffer
	lines   int
	marks   []mark
	names   int            // bytes in the names of marks
	count   map[string]int // lines kept for a finding
	before  map[string]int // those of findings that were not marked for long
	from    time.Time
	until   time.Time
	sealed  []part
}

// mark is a finding and how many of the lines after it are still to come.
type mark struct {
	finding string
	left    int
}

// part is what will be a frame, or several of the same findings.
type part struct {
	plain       []byte
	findings    []string
	from, until time.Time
}

func (k *Keeper) tail(log string) *tail {
	t := k.logs[log]
	if t == nil {
		t = &tail{count: map[string]int{}}
		k.logs[log] = t
	}
	return t
}

// Line notes a line that was read. It is remembered until others took its place,
// and kept when a finding was marked shortly before.
func (k *Keeper) Line(log string, now time.Time, line []byte) {
	t := k.tail(log)
	line = line[:min(len(line), maxLine)]
	if t.wanted > 0 {
		t.wanted--
		t.put(now, line)
		return
	}
	t.ring[t.next] = append(t.ring[t.next][:0], line...)
	t.next = (t.next + 1) % before
	t.n = min(t.n+1, before)
}

func (t *tail) put(now time.Time, line []byte) {
	if t.lines == 0 {
		t.from = now
	}
	t.until = now
	t.pending.Write(line)
	t.pending.WriteByte('\n')
	t.lines++
	for i := range t.marks {
		m := &t.marks[i]
		t.count[m.finding]++
		m.left--
	}
}

// kept gives how many lines were kept for a finding. Those that were not marked
// for the longest time are forgotten, so that a flood of findings stays small.
func (t *tail) kept(finding string) int {
	n, ok := t.count[finding]
	if ok {
		return n
	}
	if len(t.count) >= maxCounts {
		t.before, t.count = t.count, make(map[string]int)
		for _, m := range t.marks {
			t.count[m.finding] = t.before[m.finding]
		}
	}
	n = t.before[finding]
	t.count[finding] = n
	return n
}

// seal ends a frame. Of its findings those go on whose lines after are still to
// come.
func (t *tail) seal() {
	if t.lines > 0 {
		p := part{plain: bytes.Clone(t.pending.Bytes()), from: t.from, until: t.until}
		for _, m := range t.marks {
			p.findings = append(p.findings, m.finding)
		}
		t.sealed = append(t.sealed, p)
		t.pending.Reset()
		t.lines = 0
	}
	live := slices.DeleteFunc(t.marks, func(m mark) bool { return m.left <= 0 })
	t.marks = slices.Clone(live[max(0, len(live)-maxLive):])
	t.names = 0
	for _, m := range t.marks {
		t.names += len(m.finding)
	}
}

// Mark keeps the lines around the one that was noted last, for a finding.
func (k *Keeper) Mark(log, finding string, now time.Time) {
	t := k.tail(log)
	if t.kept(finding) >= maxPerMark {
		return
	}
	if len(t.marks) >= maxMarks || t.names > maxNames {
		t.seal()
	}
	at := slices.IndexFunc(t.marks, func(m mark) bool { return m.finding == finding })
	if at < 0 {
		at = len(t.marks)
		t.marks = append(t.marks, mark{finding: finding})
		t.names += len(finding)
	}
	for i := range t.n {
		t.put(now, t.ring[(t.next-t.n+i+before)%before])
	}
	t.n = 0
	t.wanted, t.marks[at].left = after, after
}
