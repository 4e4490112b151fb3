package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/demo"
	"filo/internal/edge"
	"filo/internal/edge/link"
	"filo/internal/ids"
	"filo/internal/wire"
)

// agentLines is how many mixed lines the whole agent reads.
const agentLines = 600_000

// agent measures the whole agent: read, parse, match a million indicators,
// detect, remember, keep, with everything on disk; then how much memory an agent
// at rest takes that watches for a million indicators.
func (b *bench) agent() error {
	state, err := b.enrolled()
	if err != nil {
		return err
	}
	log := filepath.Join(b.dir, "misto.log")
	entries, planted := indicators(1_000_000)
	if err := os.WriteFile(log, corpus(agentLines*300, planted), 0o600); err != nil {
		return err
	}
	a, err := edge.Open(agentConfig(state, log))
	if err != nil {
		return err
	}
	al := wire.Alert{ID: ids.New(time.Now()), Code: "MISURA"}
	for i, e := range entries {
		al.Indicators = append(al.Indicators, wire.Indicator{ID: ids.ID(fmt.Sprint(i)), Kind: e.Value.Kind, Value: e.Value.Value, ValidUntil: time.Now().Add(24 * time.Hour)})
	}
	entries = nil
	payload, err := json.Marshal(al)
	if err != nil {
		return err
	}
	t0 := time.Now()
	if err := a.Apply(wire.ChangesPage{Next: 1, Changes: []wire.Change{{Seq: 1, Kind: wire.ChangeAlert, Payload: payload}}}); err != nil {
		return err
	}
	b.say("agent: a million indicators on disk, looked back for", time.Since(t0).Seconds(), "s", "a minute", time.Since(t0).Seconds()/60)
	raw, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	lines := bytes.Count(raw, []byte("\n"))
	size := len(raw)
	var wrong error
	took := cpu(func() {
		for range lines/20_000 + 2 {
			if err := a.Step(); err != nil {
				wrong = err
				return
			}
		}
	})
	if wrong != nil {
		return wrong
	}
	b.say("agent: read, parse, match, detect, remember", float64(lines)/took.Seconds(), "lines/s", "target 200,000", float64(lines)/took.Seconds()/200_000)
	b.say("agent: the same", float64(size)/1e6/took.Seconds(), "MB/s", "matching alone 450 MB/s", float64(size)/1e6/took.Seconds()/450)
	a.Close()
	out, err := exec.CommandContext(b.ctx, os.Args[0], "agent-at-rest", state, log).Output()
	if err != nil {
		return fmt.Errorf("agent at rest: %w", err)
	}
	var bytesHeld float64
	fmt.Sscan(string(out), &bytesHeld)
	b.say("agent at rest with 1,000,000 indicators, resident", bytesHeld/(1<<20), "MB", "limit 60 MB", bytesHeld/(60<<20))
	return nil
}

func agentConfig(state, log string) edge.Config {
	return edge.Config{State: state, Sources: []edge.SourceConfig{{Name: "misto", Path: log}}, Version: "misura", Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)}
}

// atRest is the process whose memory is measured: an agent that has read all and
// waits.
func atRest(state, log string) error {
	a, err := edge.Open(agentConfig(state, log))
	if err != nil {
		return err
	}
	if err := a.Step(); err != nil {
		return err
	}
	heap() // gives back what opening needed
	time.Sleep(time.Second) // the runtime returns memory to the system in the background
	fmt.Println(resident())
	a.Close()
	return nil
}

// enrolled gives the folder of an agent that a node of its own let in.
func (b *bench) enrolled() (string, error) {
	n, err := b.node("agent", "")
	if err != nil {
		return "", err
	}
	defer n.Close()
	lnk, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	pages, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	n.Config.Link.Public = "https://" + lnk.Addr().String()
	ctx, stop := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, pages, lnk, http.NotFoundHandler()) }()
	defer func() { stop(); <-done }()
	if _, err := n.Seed(b.ctx); err != nil {
		return "", err
	}
	body, err := demo.Place(b.ctx, n, "Enna", "C342")
	if err != nil {
		return "", err
	}
	v := access.OfBody(body.ID)
	v.Role = access.Technician
	code, err := n.Agents.Invite(b.ctx, v, body.ID, body.Centre)
	if err != nil {
		return "", err
	}
	state := filepath.Join(b.dir, "agente")
	_, err = link.Enrol(b.ctx, state, n.Config.Link.Public, code, strings.TrimSpace(n.Keys.Pin()), "misura")
	return state, err
}
