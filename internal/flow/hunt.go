package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"filo/access"
	"filo/alert"
	"filo/detection"
	"filo/hunt"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/sigma"
	"filo/internal/wire"
)

// Ask puts a question to the bodies that the audience means. It fails with
// Invalid and the line when a value is none, or with what is wrong in the rule.
func (f *Flow) Ask(ctx context.Context, v access.Viewer, h hunt.Hunt, values []string, whom alert.Audience) (hunt.Hunt, error) {
	list, err := f.Watch(alert.Alert{}, values)
	if err != nil {
		return h, err
	}
	for _, x := range list {
		h.Values = append(h.Values, wire.Indicator{ID: x.ID, Kind: x.Kind, Value: x.Value})
	}
	if h.Rule = strings.TrimSpace(h.Rule); h.Rule != "" {
		if err := checkRule(h.Rule); err != nil {
			return h, err
		}
	}
	to, err := f.Alerts.Concerned(ctx, v, whom, nil)
	if err != nil {
		return h, err
	}
	var asks []hunt.Ask
	for _, r := range to {
		asks = append(asks, hunt.Ask{Body: r.Body, Centre: r.Centre, BodyName: r.BodyName, Province: r.Province})
	}
	return f.Hunts.Open(ctx, v, h, asks)
}

func checkRule(text string) error {
	rules, problems := sigma.ReadRules(strings.NewReader(text), "rule", "")
	if len(problems) == 0 && len(rules) == 0 {
		return fault.Bad("rule", "hunt.rule.bad", "-")
	}
	if len(problems) == 0 {
		var err error
		if _, problems, err = detection.Foreign(rules, nil, nil); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return fault.Bad("rule", "hunt.rule.bad", cut(problems[0].What, 200))
	}
	return nil
}

// ReleaseHunt lets the agents of a body send the lines in which the values of a
// hunt stand. Lines name people and machines: without the clause on the origin
// of attacks they stay where they are.
func (f *Flow) ReleaseHunt(ctx context.Context, v access.Viewer, id, body ids.ID) error {
	if err := f.Grants.Covered(ctx, body, access.ClauseOrigin, f.Clock.Now()); err != nil {
		return err
	}
	return f.Hunts.Release(ctx, v, id, body)
}

// ReleaseLines lets the agents of a body send the raw lines that they kept
// around a finding to the report that was made of it: an act of a person of the
// body, written down. Without a report there is nobody to send them to.
func (f *Flow) ReleaseLines(ctx context.Context, v access.Viewer, finding ids.ID) error {
	r, err := f.Detections.Find(ctx, v, finding)
	if err != nil {
		return err
	}
	if v.Police() || !v.May(access.Technician, access.Manager) {
		return fault.New(fault.Forbidden, "hunt.only_body")
	}
	if r.ReportID == "" {
		return fault.New(fault.Conflict, "finding.lines.no_report")
	}
	if err := f.Grants.Covered(ctx, r.Body, access.ClauseOrigin, f.Clock.Now()); err != nil {
		return err
	}
	payload, err := json.Marshal(wire.Release{Finding: r.Key, Most: 2 * hunt.MaxLines})
	if err != nil {
		return err
	}
	err = f.Tx.Do(ctx, func(ctx context.Context) error {
		if err := f.Reports.Say(ctx, v, r.ReportID, "", "Consegniamo le righe di log attorno a: "+r.Title); err != nil {
			return err
		}
		if err := f.Detections.Release(ctx, v, r.ID); err != nil {
			return err
		}
		_, err := f.AgentStore.AddChange(ctx, r.Body, wire.ChangeRelease, payload)
		return err
	})
	if err == nil {
		f.Wake.Wake(ctx, "change", r.Body)
	}
	return err
}

// takeLines keeps raw lines that an agent sent after a person let them go.
func (f *Flow) takeLines(ctx context.Context, v access.Viewer, host string, x wire.Lines) error {
	if x.Hunt != "" {
		err := f.Hunts.Lines(ctx, v, x)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) {
			f.Log.Warn("lines that nobody let go", "agent", v.Agent, "hunt", x.Hunt)
			return nil
		}
		return err
	}
	r, err := f.Detections.ByKey(ctx, v, v.Agent, x.Finding)
	if fault.Is(err, fault.NotFound) || err == nil && (r.ReportID == "" || r.Released.IsZero()) {
		f.Log.Warn("lines that nobody let go", "agent", v.Agent, "finding", x.Finding)
		return nil
	}
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, h := range x.Hashes {
		fmt.Fprintf(&b, "# sha256 %s\n", h)
	}
	fmt.Fprintf(&b, "# catena %s\n", x.Head)
	for _, l := range x.Lines[:min(len(x.Lines), 2*hunt.MaxLines)] {
		b.WriteString(strings.ToValidUTF8(l[:min(len(l), 8<<10)], "?"))
		b.WriteByte('\n')
	}
	by := v
	by.Name, by.Role = "Agente "+host, access.Technician
	// A change that is told twice brings the same lines twice: they get one file.
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(r.Key+"\n"+b.String())))
	if sum == r.Sent {
		return nil
	}
	head := fmt.Sprintf("# %s\n# %s, %s\n", r.Title, r.Log, host)
	_, err = f.Reports.Attach(ctx, by, r.ReportID, "righe-"+r.Rule+"-"+sum[:8]+".txt", io.MultiReader(strings.NewReader(head), &b))
	if fault.Is(err, fault.Invalid) {
		return nil // the report has all the files it may have
	}
	if err != nil {
		return err
	}
	return f.Detections.MarkSent(ctx, v, r.ID, sum)
}
