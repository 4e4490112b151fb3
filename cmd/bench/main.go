// Command bench measures what the design promises and prints each figure beside
// a peer or limit of the same run. It asserts nothing. Results are appended to
// bench/results.jsonl: name, value, unit, against, ratio, machine, date.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"filo/internal/app"
	"filo/internal/clock"
	"filo/internal/config"
)

type result struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Against string  `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	Machine string  `json:"machine"`
	Date    string  `json:"date"`
}

type bench struct {
	ctx context.Context
	dir string
	out *json.Encoder
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) == 4 && os.Args[1] == "agent-at-rest" {
		return atRest(os.Args[2], os.Args[3])
	}
	dir, err := os.MkdirTemp("", "filo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll("bench", 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile("bench/results.jsonl", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	b := &bench{context.Background(), dir, json.NewEncoder(f)}
	if path := os.Getenv("FILO_BENCH_PROFILE"); path != "" { // for go tool pprof
		p, err := os.Create(path)
		if err != nil {
			return err
		}
		defer p.Close()
		if err := pprof.StartCPUProfile(p); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("%-58s %12s %-8s %8s  %s\n", "WHAT", "VALUE", "UNIT", "RATIO", "AGAINST")
	for _, m := range []struct {
		name string
		run  func() error
	}{{"fanout", b.fanOut}, {"intake", b.intake}, {"pages", b.pages}, {"match", b.matching}, {"parse", b.parsing}, {"sigma", b.sigma}, {"history", b.remembering}, {"agent", b.agent}} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], m.name) {
			continue
		}
		if err := m.run(); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func (b *bench) say(name string, value float64, unit, against string, ratio float64) {
	fmt.Printf("%-58s %12.2f %-8s %8.2f  %s\n", name, value, unit, ratio, against)
	_ = b.out.Encode(result{
		Name: name, Value: value, Unit: unit, Against: against, Ratio: ratio,
		Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()), Date: time.Now().Format(time.DateOnly),
	})
}

// node builds a node on a database of its own; source is empty for SQLite.
func (b *bench) node(name, source string) (*app.Node, error) {
	c := config.Default()
	c.Data = filepath.Join(b.dir, name)
	c.Database = "sqlite:" + filepath.Join(c.Data, "filo.db")
	if source != "" {
		c.Database = source
	}
	return app.Build(b.ctx, c, clock.System{}, slog.New(slog.DiscardHandler))
}

// quantile gives the q-th part of sorted durations, in milliseconds.
func quantile(d []time.Duration, q float64) float64 {
	slices.Sort(d)
	return float64(d[min(int(float64(len(d))*q), len(d)-1)].Microseconds()) / 1000
}
