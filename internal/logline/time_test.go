package logline

import (
	"testing"
	"time"
)

func TestEveryWayOfWritingTheSameInstantIsRead(t *testing.T) {
	want := time.Date(2026, 11, 24, 8, 55, 46, 0, time.UTC)
	for _, s := range []string{
		"Nov 24 08:55:46", "nov 24 08:55:46", "Nov 24 2026 08:55:46", "Nov 24 08:55:46 2026", "Nov 24 08:55:46.000 CET", "Tue Nov 24 08:55:46 2026",
		"Tue, 24 Nov 2026 08:55:46 UTC", "2026-11-24T08:55:46Z", "2026-11-24T09:55:46+01:00", "2026-11-24T09:55:46.000+0100", "2026-11-24 09:55:46 +0100",
		"2026-11-24 09:55:46,000 CET", "2026/11/24 08:55:46", "2026/11/24 - 08:55:46", "2026:11:24-08:55:46", "2026-11-24  8:55:46", "24/Nov/2026:09:55:46 +0100",
		"24/nov/2026:09:55:46 +0100", "24-Nov-2026 08:55:46.000", "24/11/2026 08:55:46", "24.11.2026 08:55:46", "11/24/2026 8:55:46 AM", "11/24/2026, 8:55:46 AM",
		"11/24/26 08:55:46.000", "1795510546", "1795510546.000", "1795510546000", "1795510546000000000", "261124  8:55:46", "2026-11-24 08:55:46.000 UTC+0",
	} {
		r := reader()
		if s == "Nov 24 08:55:46.000 CET" {
			r.Zone = time.UTC
			want := want.Add(-time.Hour)
			if _, ok := r.when([]byte(s)); !ok || !r.ev.Time.Equal(want) || r.ev.Zone != ZoneLine {
				t.Errorf("%q reads as %s (%s)", s, r.ev.Time, r.ev.Zone)
			}
			continue
		}
		if _, ok := r.when([]byte(s)); !ok || !r.ev.Time.Equal(want) {
			t.Errorf("%q reads as %s", s, r.ev.Time)
		}
	}
}

func TestItalianMonthsAreMonths(t *testing.T) {
	for i, m := range []string{"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"} {
		if got := month([]byte(m)); int(got) != i+1 {
			t.Errorf("%s is month %d", m, got)
		}
	}
}

func TestALineOfLastYearIsNotOfThisYear(t *testing.T) {
	r := &Reader{Zone: time.UTC, Now: func() time.Time { return time.Date(2027, 1, 1, 0, 5, 0, 0, time.UTC) }}
	e, _ := r.Read([]byte("Dec 31 23:59:59 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Time.Year() != 2026 {
		t.Errorf("New Year's night: %s", e.Time)
	}
	e, _ = r.Read([]byte("Jan  1 00:04:59 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Time.Year() != 2027 {
		t.Errorf("New Year's morning: %s", e.Time)
	}
	e, _ = r.Read([]byte("Feb 29 00:04:59 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Time.Year() != 2024 || e.Time.Day() != 29 {
		t.Errorf("a leap day: %s", e.Time)
	}
}

// rome is the rule of Italy without a database of zones: the last Sunday of
// October 2026 is the 25th.
func rome(t *testing.T) *time.Location {
	l, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Skip("no zones on this machine")
	}
	return l
}

func TestTheHourThatComesTwiceIsUncertainByAnHour(t *testing.T) {
	r := &Reader{Zone: rome(t), Now: func() time.Time { return now }}
	e, _ := r.Read([]byte("Oct 25 02:30:00 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Slack != time.Hour {
		t.Errorf("02:30 of that night is said to be certain within %s", e.Slack)
	}
	e, _ = r.Read([]byte("Oct 25 04:30:00 gate sshd[1]: Invalid user a from 203.0.113.9"))
	if e.Slack != time.Second || !e.Time.Equal(time.Date(2026, 10, 25, 3, 30, 0, 0, time.UTC)) {
		t.Errorf("04:30 reads as %s within %s", e.Time, e.Slack)
	}
}

func TestTheZoneOfTheLineWinsThenThatOfTheRecordThenTheSetting(t *testing.T) {
	r := &Reader{Zone: time.FixedZone("", 3600), Now: func() time.Time { return now }}
	for line, want := range map[string]string{
		"2026-11-24T08:55:46Z gate sshd[1]: Invalid user a from 203.0.113.9":                                                                    "08:55 line",
		"Nov 24 09:55:46 gate sshd[1]: Invalid user a from 203.0.113.9":                                                                         "08:55 machine",
		`date=2026-11-24 time=03:55:46 devid="F" tz="-0500" logid="1" type="traffic" srcip=203.0.113.9`:                                         "08:55 product",
		`date=2026-11-24 time=03:55:46 devid="F" eventtime=1795510546 logid="1" type="traffic" srcip=203.0.113.9`:                               "08:55 product",
		`date=2026-11-24 time=09:55:46 devid="F" logid="1" type="traffic" srcip=203.0.113.9`:                                                    "08:55 machine",
		`device="SFW" date=2026-11-24 time=08:55:46 timezone="UTC" log_type="Firewall" status="Deny" src_ip=203.0.113.9`:                        "08:55 product",
		`id=firewall time="2026-11-24 07:55:46" fw="S" tz=-0100 startime="2026-11-24 07:55:46" src=203.0.113.9 logtype="filter" action=pass`:    "08:55 product",
		`Nov 24 01:00:00 h CEF:0|a|b|1|1|n|1|src=203.0.113.9 rt=1795510546000`:                                                                  "08:55 line",
		`{"EventTime":"2026-11-24 09:55:46","Hostname":"D","EventID":4625,"Channel":"Security","TargetUserName":"u","IpAddress":"203.0.113.9"}`: "08:55 machine",
	} {
		e, _ := r.Read([]byte(line))
		if got := e.Time.Format("15:04 ") + e.Zone; got != want {
			t.Errorf("%s\nreads as %s, want %s", line, got, want)
		}
	}
}

func TestWinterTimeNamedInSummerIsNotBelievedToTheHour(t *testing.T) {
	r := reader()
	e, _ := r.Read([]byte(`device="SFW" date=2026-07-24 time=08:55:46 timezone="CET" log_type="Firewall" status="Deny" src_ip=203.0.113.9`))
	if e.Slack != time.Hour {
		t.Errorf("CET in July is said to be certain within %s", e.Slack)
	}
}

func TestAClockThatWasNeverSetSaysSo(t *testing.T) {
	e, _ := reader().Read([]byte("<189>2345: *Nov 24 08:55:46.123: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (203.0.113.9)"))
	if e.Slack < time.Minute || e.Action != Change {
		t.Errorf("an unset clock is said to be certain within %s (%s)", e.Slack, e.Action)
	}
}

func TestAMachineNamedLikeAZoneIsAMachine(t *testing.T) {
	e, _ := reader().Read([]byte("Nov 24 08:55:46.123456 PST01 sshd[1]: Invalid user a from 203.0.113.9"))
	if string(e.Device) != "PST01" || e.Zone != ZoneMachine || e.Time.Hour() != 8 {
		t.Errorf("%s at %s (%s)", e.Device, e.Time, e.Zone)
	}
}
