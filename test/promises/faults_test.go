package promises

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/detection"
	"filo/internal/clock"
	"filo/internal/demo"
	"filo/internal/edge"
	"filo/internal/edge/link"
	"filo/report"
)

// byHand enrols an agent for Genova whose steps the test drives, with a clock of
// its own.
func byHand(t *testing.T, d *demo.Demo, c clock.Clock, more func(*edge.Config)) (a *edge.Agent, log, state string) {
	t.Helper()
	v := d.People["Genova"].Viewer
	b, err := d.Node.Territory.Body(t.Context(), v, v.Body)
	if err != nil {
		t.Fatal(err)
	}
	code, err := d.Node.Agents.Invite(t.Context(), v, b.ID, b.Centre)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	state, log = filepath.Join(dir, "agente"), filepath.Join(dir, "auth.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := link.Enrol(t.Context(), state, d.Node.Config.Link.Public, code, d.Node.Keys.Pin(), "prova"); err != nil {
		t.Fatal(err)
	}
	conf := edge.Config{
		State: state, Sources: []edge.SourceConfig{{Path: log}}, Clock: c, Log: slog.New(slog.DiscardHandler), Every: 20 * time.Millisecond,
	}
	if more != nil {
		more(&conf)
	}
	a, err = edge.Open(conf)
	if err != nil {
		t.Fatal(err)
	}
	return a, log, state
}

func attempts(t *testing.T, log, ip string, at time.Time, n int) {
	t.Helper()
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for k := range n {
		fmt.Fprintf(f, "%s gate sshd[1]: Failed password for root from %s port %d ssh2\n", at.Add(time.Duration(k)*time.Second).Format(time.RFC3339), ip, 40000+k)
	}
}

// counted waits until the node counts what is wanted, and gives what it counts.
func counted(t *testing.T, d *demo.Demo, want map[string]int) map[string]int {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	got := map[string]int{}
	for ctx.Err() == nil {
		clear(got)
		list, _, err := d.Node.Detections.List(t.Context(), d.People["Genova"].Viewer, detection.Filter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			got[f.SourceIP] += f.Count
		}
		if arrived(got, want) {
			return got
		}
		pause(ctx, 50*time.Millisecond)
	}
	return got
}

func TestWithTheLineDownForDaysNothingIsLostAndAWrongClockIsNoticed(t *testing.T) {
	d := start(t)
	c := clock.NewFake(d.Node.Clock.Now())
	a, log, _ := byHand(t, d, c, nil)
	want := map[string]int{}
	for day := range 3 { // nobody speaks with the node: the agent only reads and keeps
		ip := fmt.Sprintf("203.0.113.%d", 100+day)
		attempts(t, log, ip, c.Now(), 12)
		want[ip] = 12
		for range 3 {
			c.Advance(8 * time.Hour)
			if err := a.Step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	for ip, n := range counted(t, d, want) {
		if w, ok := want[ip]; ok && n != w {
			t.Errorf("%s: %d of %d arrived", ip, n, w)
		}
	}
	list, _, err := d.Node.Agents.List(t.Context(), d.People["Genova"].Viewer, "", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	off := time.Duration(0)
	for _, x := range list {
		off = max(off, x.Offset)
	}
	if off < 71*time.Hour {
		t.Errorf("an agent whose clock is three days off counts as %s off", off)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAnAgentWithoutRoomSaysSoKeepsWhatItHasAndCatchesUp(t *testing.T) {
	d := start(t)
	c := clock.NewFake(d.Node.Clock.Now())
	a, log, state := byHand(t, d, c, func(e *edge.Config) { e.Limit = 6 << 10 })
	want := map[string]int{}
	var full error
	for i := 0; i < 40 && full == nil; i++ {
		ip := fmt.Sprintf("198.51.100.%d", i+1)
		attempts(t, log, ip, c.Now(), 4)
		want[ip] = 4
		full = a.Step()
	}
	if full == nil || !strings.Contains(full.Error(), "limit") {
		t.Fatalf("a full queue is answered with %v", full)
	}
	attempts(t, log, "198.51.100.200", c.Now(), 4)
	want["198.51.100.200"] = 4
	if err := a.Step(); err == nil {
		t.Error("the queue takes more than it has room for")
	}
	a.Close()
	// The same folder with room: as after somebody freed the disk.
	b, err := edge.Open(edge.Config{State: state, Sources: []edge.SourceConfig{{Path: log}}, Clock: c, Log: slog.New(slog.DiscardHandler), Every: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	moved := make(chan struct{})
	go func() { // findings that grew are told by the clock, which the test must move
		defer close(moved)
		for ctx.Err() == nil {
			c.Advance(time.Second)
			pause(ctx, 20*time.Millisecond)
		}
	}()
	for ip, n := range counted(t, d, want) {
		if w, ok := want[ip]; ok && n != w {
			t.Errorf("%s: %d of %d arrived", ip, n, w)
		}
	}
	stop()
	<-moved
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithTheDatabaseGonePagesSaySoAndNothingIsHalfWritten(t *testing.T) {
	d := start(t)
	c := signIn(t, d, "Enna", 4)
	if err := d.Node.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/", "/segnalazioni", "/readyz"} {
		code, page := ask(t, c, "GET", d.URL+p, objects{})
		if code != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d", p, code)
		}
		if p != "/readyz" && (!strings.Contains(page, "Il database non risponde") || strings.Contains(page, "sql:")) {
			t.Errorf("%s does not say what is wrong, or says too much", p)
		}
	}
	if code, _ := ask(t, c, "POST", d.URL+"/segnala", objects{}); code != http.StatusServiceUnavailable {
		t.Errorf("a report begins without a database: %d", code)
	}
	if code, _ := ask(t, c, "GET", d.URL+"/healthz", objects{}); code != http.StatusNoContent {
		t.Errorf("the process itself is well, and says %d", code)
	}
}

func TestAnUploadOfAGigabyteIsRefusedAndNothingOfItStays(t *testing.T) {
	d := start(t)
	v := d.People["Enna"].Viewer
	r, err := d.Node.Reports.Submit(t.Context(), v, report.Report{Body: v.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Incident, Text: "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := signIn(t, d, "Enna", 4)
	c.Timeout = time.Minute
	pr, pw := io.Pipe()
	go func() {
		fmt.Fprint(pw, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"grande.bin\"\r\n\r\n")
		_, err := io.Copy(pw, io.LimitReader(zeros{}, 1<<30))
		pw.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+"/segnala/"+string(r.ID)+"/file", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res, err := c.Do(req)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answered with %s", res.Status)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+32<<20 {
		t.Errorf("it took %d MB of memory", (after.HeapAlloc-before.HeapAlloc)>>20)
	}
	f, err := d.Node.Reports.Read(t.Context(), access.AsSystem("prova"), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Files) != 0 {
		t.Error("the refused file hangs on the report")
	}
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
