package main

import (
	_ "embed"
	"html/template"
	"os"
	"strings"
	"time"

	"filo/internal/clock"
	"filo/internal/edge"
	"filo/internal/i18n"
	"filo/internal/wire"
)

//go:embed report.html
var reportHTML string

// maxReported is how many findings the report for people tells one by one.
const maxReported = 60

// scanReport is what the report for people shows.
type scanReport struct {
	i18n.Texts
	Lang     string
	Made     string
	Grave    string // how many grave findings; empty: none
	Lines    string
	Logs     string
	Sources  string
	Attempts string
	Findings []wire.Finding
	More     string
	Hits     []edge.Hit
	Lacks    []wire.Check // each once
	Read     []wire.Source
}

// Rule names a finding's rule; one that is not ours has its own title.
func (r scanReport) Rule(f wire.Finding) string {
	if key := "word.rule." + f.Rule; r.Has(key) {
		return r.T(key)
	}
	return f.Title
}

// Text says in a sentence what a finding means.
func (r scanReport) Text(f wire.Finding) string {
	if key := "rule.text." + f.Rule; r.Has(key) {
		return r.T(key)
	}
	return ""
}

// Exact gives an instant with its zone.
func (r scanReport) Exact(t time.Time) string { return r.Texts.Exact(t, clock.Rome) }

// Number64 writes a count.
func (r scanReport) Number64(n uint64) string { return r.Number(int(n)) }

// Some gives the first of many names.
func (r scanReport) Some(list []string) string {
	const most = 12
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + ", …"
}

// writeReport writes the report for people, in one file without anything from
// elsewhere.
func writeReport(path, lang string, s *edge.Scan) error {
	page, err := template.New("report").Parse(reportHTML)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := page.Execute(f, newReport(lang, s)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func newReport(lang string, s *edge.Scan) scanReport {
	r := scanReport{Texts: i18n.For(lang), Lang: lang, Hits: s.Hits, Read: s.Sources, Findings: s.Findings}
	r.Made = r.Exact(s.Clock.Now())
	var lines uint64
	grave, attempts, from := 0, 0, map[string]bool{}
	for _, src := range s.Sources {
		lines += src.Lines
		for _, c := range src.Checks {
			if !c.OK && c.Fix != "" && !hasCheck(r.Lacks, c.Name) {
				r.Lacks = append(r.Lacks, c)
			}
		}
	}
	for _, f := range s.Findings {
		if f.Severity == "high" {
			grave++
		}
		attempts += f.Count
		if f.SourceIP != "" {
			from[f.SourceIP] = true
		}
	}
	if grave+len(s.Hits) > 0 {
		r.Grave = r.Number(grave + len(s.Hits))
	}
	r.Lines, r.Logs, r.Sources, r.Attempts = r.Number(int(lines)), r.Number(len(s.Sources)), r.Number(len(from)), r.Number(attempts)
	if n := len(r.Findings) - maxReported; n > 0 {
		r.Findings, r.More = r.Findings[:maxReported], r.Number(n)
	}
	return r
}

func hasCheck(list []wire.Check, name string) bool {
	for _, c := range list {
		if c.Name == name {
			return true
		}
	}
	return false
}
