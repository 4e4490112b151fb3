package edge

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filo/detection"
	"filo/internal/clock"
	"filo/internal/edge/source"
	"filo/internal/logline"
	"filo/internal/wire"
)

// Scan does the technician's job without any server: it reads old logs, counts
// attempts, looks for indicators and says what the logs lack.
type Scan struct {
	Clock    clock.Clock
	Zone     *time.Location // of lines that name none; nil: Italy's
	Options  detection.Options
	Look     *Lookout // indicators to look for; nil: none
	Stdin    io.Reader
	Progress func(file string, lines uint64)
	Each     func(Line) // every line, with what became of it; nil: nobody asks

	Findings []wire.Finding
	Sources  []wire.Source
	Hits     []Hit    // indicators that were seen
	Troubles []string // files that could not be read, each with the reason
}

// Line is one line and what became of it. It is valid only during the call.
type Line struct {
	Log     string
	Raw     []byte
	Event   *logline.Event
	Known   bool // a product was recognised
	Rules   []*detection.Rule
	Attempt bool
	Allowed *detection.Allow // the entry of the allow-list that swallowed it
	Engine  *detection.Engine
}

// Files reads files, folders (all in them) and "-" for standard input; what is
// compressed, in UTF-16, an EVTX file or a mail message is recognised by its first
// bytes.
func (s *Scan) Files(paths []string) {
	for _, p := range paths {
		if p == "-" {
			s.read("-", s.Stdin)
			continue
		}
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				s.trouble(path, err)
				return nil
			}
			if d.Type().IsRegular() {
				s.file(path)
			}
			return nil
		})
		if err != nil {
			s.trouble(p, err)
		}
	}
	slices.SortStableFunc(s.Findings, worse)
	if s.Look != nil {
		s.Hits = s.Look.hits()
	}
}

// worse orders findings: by severity, then successes first, then by count.
func worse(a, b wire.Finding) int {
	rank := func(f wire.Finding) int {
		n := 2 * slices.Index([]string{"high", "medium", "low", "none", ""}, f.Severity)
		if f.Outcome != "success" {
			n++
		}
		return n
	}
	return cmp.Or(rank(a)-rank(b), b.Count-a.Count, strings.Compare(a.Key, b.Key))
}

func (s *Scan) trouble(path string, err error) {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	s.Troubles = append(s.Troubles, fmt.Sprintf("%s: %v", path, err))
}

func (s *Scan) file(path string) {
	f, err := os.Open(path)
	if err != nil {
		s.trouble(path, err)
		return
	}
	defer f.Close()
	s.read(path, f)
}

// follower takes the lines of one log through everything.
type follower struct {
	s      *Scan
	name   string
	engine *detection.Engine
	reader *logline.Reader
	stat   wire.Source
	seen   checks
	last   map[string]wire.Finding
}

func (s *Scan) follower(name string) *follower {
	zone := s.Zone
	if zone == nil {
		zone = clock.Rome
	}
	return &follower{
		s: s, name: name, engine: detection.New(s.Options), reader: &logline.Reader{Zone: zone, Now: s.Clock.Now},
		stat: wire.Source{Name: name}, last: map[string]wire.Finding{},
	}
}

func (f *follower) keep(list []wire.Finding) {
	for _, x := range list {
		f.last[x.Key] = x
	}
}

func (f *follower) line(line []byte, cut bool) {
	st := &f.stat
	st.Lines++
	if cut {
		st.Cut++
	}
	if f.s.Look != nil {
		f.s.Look.line(f.name, line)
	}
	e, ok := f.reader.Parse(line)
	if ok {
		st.Parsed++
		st.Product = e.Product
		f.seen.see(e)
		f.keep(f.engine.Feed(e, line, f.name))
	} else {
		st.Unknown++
	}
	if f.s.Look != nil {
		st.Matched += f.s.Look.event(e)
	}
	if f.s.Each != nil {
		f.tell(e, line, ok)
	}
	if f.s.Progress != nil && st.Lines%200_000 == 0 {
		f.s.Progress(f.name, st.Lines)
	}
}

func (f *follower) tell(e *logline.Event, line []byte, ok bool) {
	l := Line{Log: f.name, Raw: line, Event: e, Known: ok, Engine: f.engine}
	if ok {
		l.Rules, l.Attempt = f.engine.Last()
		if a, allowed := f.engine.Allows(e.Source, e.Time); allowed && e.Source.IsValid() {
			l.Allowed, l.Rules, l.Attempt = &a, nil, false
		}
	}
	f.s.Each(l)
}

func (f *follower) finish() {
	f.keep(f.engine.Flush())
	f.stat.Allowed, f.stat.LastLine, f.stat.Checks = f.engine.Allowed, f.seen.latest, f.seen.list(0)
	f.stat.Score = score(f.stat.Checks)
	f.s.Sources = append(f.s.Sources, f.stat)
	for _, x := range f.last {
		f.s.Findings = append(f.s.Findings, x)
	}
}

func (s *Scan) read(name string, in io.Reader) {
	f := s.follower(name)
	c, err := source.Lines(name, in, f.line)
	if err != nil {
		s.trouble(name, err)
	}
	f.stat.Dropped = c.Dropped
	f.finish()
}

// Row is a finding as `filo scan --format json` prints it, one a line; a field
// that is not known is absent.
type Row struct {
	Rule        string    `json:"rule"`
	Title       string    `json:"title"`
	SourceIP    string    `json:"source_ip,omitempty"`
	Subject     string    `json:"subject,omitempty"`
	SourcePorts []int     `json:"source_ports,omitempty"`
	DestIP      string    `json:"destination_ip,omitempty"`
	Users       []string  `json:"users,omitempty"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       int       `json:"count"`
	Outcome     string    `json:"outcome"`
	Severity    string    `json:"severity"`
	Log         string    `json:"log"`
	Samples     []string  `json:"samples,omitempty"`
	Technique   string    `json:"technique,omitempty"`
	ACN         string    `json:"acn,omitempty"`
	Threat      string    `json:"threat,omitempty"`
	Leaves      bool      `json:"leaves,omitempty"`
	Author      string    `json:"author,omitempty"`
	License     string    `json:"license,omitempty"`
}

// Rows gives the findings as rows, the worst first.
func (s *Scan) Rows() []Row {
	out := make([]Row, len(s.Findings))
	for i, f := range s.Findings {
		out[i] = Row{
			Rule: f.Rule, Title: f.Title, SourceIP: f.SourceIP, Subject: f.Subject, SourcePorts: f.SourcePorts, DestIP: f.DestIP, Users: f.Users,
			First: f.First, Last: f.Last, Count: f.Count, Outcome: f.Outcome, Severity: f.Severity, Log: f.Log, Samples: f.Samples,
			Technique: f.Technique, ACN: f.ACN, Threat: f.Threat, Leaves: f.Leaves, Author: f.Author, License: f.License,
		}
	}
	return out
}
