package edge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filo/detection"
	"filo/internal/clock"
	"filo/internal/edge/source"
	"filo/internal/logline"
	"filo/internal/wire"

	"github.com/klauspost/compress/zstd"
)

// Scan does the technician's job without any server: it reads old logs, counts
// attempts and says what the logs lack.
type Scan struct {
	Clock    clock.Clock
	Allow    []netip.Prefix
	Stdin    io.Reader
	Progress func(file string, lines uint64)

	Findings []wire.Finding
	Sources  []wire.Source
	Troubles []string // files that could not be read, each with the reason
}

// Files reads files, folders (all in them) and "-" for standard input;
// compressed ones (gzip, zstd) are recognised by their first bytes.
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
}

// worse orders findings: successes first, then by severity, then by count.
func worse(a, b wire.Finding) int {
	rank := func(f wire.Finding) int {
		return slices.Index([]string{"high", "medium", "low", "none", ""}, f.Severity)
	}
	if r := rank(a) - rank(b); r != 0 {
		return r
	}
	return b.Count - a.Count
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

func (s *Scan) read(name string, in io.Reader) {
	r, err := plain(in)
	if err != nil {
		s.trouble(name, err)
		return
	}
	g := detection.New(s.Allow)
	st := wire.Source{Name: name}
	reader := &logline.Reader{Zone: clock.Rome, Now: s.Clock.Now}
	var seen checks
	last := map[string]wire.Finding{}
	keep := func(list []wire.Finding) {
		for _, f := range list {
			last[f.Key] = f
		}
	}
	err = lines(r, func(line []byte, cut bool) {
		st.Lines++
		if cut {
			st.Cut++
		}
		e, ok := reader.Read(line)
		if !ok {
			st.Unknown++
			return
		}
		st.Parsed++
		st.Product = e.Product
		seen.see(e)
		keep(g.Feed(e, line, name))
		if s.Progress != nil && st.Lines%200_000 == 0 {
			s.Progress(name, st.Lines)
		}
	})
	if err != nil {
		s.trouble(name, err)
	}
	keep(g.Flush())
	st.Allowed, st.LastLine, st.Checks = g.Allowed, seen.latest, seen.list(0)
	s.Sources = append(s.Sources, st)
	for _, f := range last {
		s.Findings = append(s.Findings, f)
	}
}

// plain undoes compression.
func plain(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 256<<10)
	head, _ := b.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return b, nil
}

// lines gives each line without its end; one longer than the limit is cut.
func lines(in io.Reader, f func(line []byte, cut bool)) error {
	r := bufio.NewReaderSize(in, source.MaxLine)
	for {
		line, err := r.ReadSlice('\n')
		cut := false
		rest := err
		for errors.Is(rest, bufio.ErrBufferFull) {
			if !cut {
				line = bytes.Clone(line)
				cut = true
			}
			_, rest = r.ReadSlice('\n')
		}
		if len(line) > 0 {
			f(bytes.TrimRight(line, "\r\n"), cut)
		}
		if errors.Is(rest, io.EOF) {
			return nil
		}
		if rest != nil {
			return rest
		}
	}
}

// Row is a finding as `filo scan --format json` prints it, one a line; a field
// that is not known is absent.
type Row struct {
	Rule        string    `json:"rule"`
	Title       string    `json:"title"`
	SourceIP    string    `json:"source_ip,omitempty"`
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
}

// Rows gives the findings as rows, the worst first.
func (s *Scan) Rows() []Row {
	out := make([]Row, len(s.Findings))
	for i, f := range s.Findings {
		out[i] = Row{
			Rule: f.Rule, Title: f.Title, SourceIP: f.SourceIP, SourcePorts: f.SourcePorts, DestIP: f.DestIP, Users: f.Users,
			First: f.First, Last: f.Last, Count: f.Count, Outcome: f.Outcome, Severity: f.Severity, Log: f.Log, Samples: f.Samples,
		}
	}
	return out
}
