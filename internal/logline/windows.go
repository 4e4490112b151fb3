package logline

import "bytes"

// windowsNames gives the fields that shippers wrap (Winlogbeat, NXLog, exports
// of EVTX) the names that Windows gives them.
func (r *Reader) windowsNames() {
	for i := range r.fields {
		n := r.fields[i].Name
		own := n
		for _, p := range [...]string{"winlog.event_data.", "winlog.user_data.", "Event.EventData.Data.", "Event.EventData.", "Event.UserData.", "Event.System.", "EventData.", "data.win.eventdata.", "data.win.system.", "event_data."} {
			if len(n) > len(p) && n[:len(p)] == p {
				own = n[len(p):]
				break
			}
		}
		switch own {
		case "winlog.event_id", "event_id", "EventID.#text", "EventId", "event.code", "eventID":
			own = "EventID"
		case "winlog.channel", "LogName", "log_name", "channel":
			own = "Channel"
		case "winlog.computer_name", "computer_name", "Hostname", "MachineName", "computer", "HostName":
			own = "Computer"
		case "winlog.provider_name", "SourceName", "ProviderName", "Provider.#attributes.Name", "source_name", "providerName", "provider_name":
			own = "Provider_Name"
		case "TimeCreated.#attributes.SystemTime", "systemTime":
			own = "TimeCreated"
		case "winlog.record_id", "RecordNumber", "record_id":
			own = "EventRecordID"
		}
		if own != n {
			r.fields[i].Name, r.roles[i] = own, roleOf(own)
		}
	}
}

// windows reads an event whose fields carry their Windows names by now.
func (r *Reader) windows() bool {
	e := &r.ev
	r.windowsNames()
	id := r.get("EventID")
	if len(id) == 0 {
		return false
	}
	e.ID = count(id)
	e.Channel, e.Device = r.get("Channel"), r.get("Computer")
	provider := r.get("Provider_Name")
	if t := r.getAny("TimeCreated", "@timestamp", "EventTime"); len(t) > 0 {
		r.whenField(t)
	}
	e.Product, e.Action = "windows", Other
	switch {
	case has(provider, "Sysmon") || has(e.Channel, "Sysmon"):
		e.Product = "sysmon"
		r.assign()
		r.sysmon()
	case has(provider, "Windows Defender") || has(e.Channel, "Windows Defender"):
		r.defender()
	case has(provider, "PowerShell") || has(e.Channel, "PowerShell"):
		e.Product = "powershell"
		e.did(Command, Success)
		e.Name = r.getAny("ScriptBlockText", "Payload", "ContextInfo", "Data")
	case has(provider, "MSSQL"):
		e.Product = "mssql"
		if !r.mssqlText(r.getAny("Message", "Data")) {
			e.Action = Other
		}
	case has(provider, "OpenSSH") || has(e.Channel, "OpenSSH"):
		if p := r.get("payload"); len(p) > 0 {
			r.sshd(p)
		}
	case has(provider, "RemoteAccess") || has(provider, "RasClient"):
		e.Product = "alwayson"
		r.rasEvent()
	case has(provider, "DNS-Server") || has(provider, "DNSServer"):
		e.Product = "windows-dns"
		e.Name, e.Source = r.getAny("QNAME", "QueryName"), addr(r.getAny("Source", "SourceAddress", "InterfaceIP"))
		e.Action = Query
	case has(provider, "TerminalServices") || has(provider, "RdpCoreTS"):
		r.terminal()
	default:
		r.security()
	}
	return true
}

// windowsUser takes the first of several fields that names somebody.
func (r *Reader) windowsUser(names ...string) {
	for _, n := range names {
		if v := r.get(n); !nobody(v) {
			r.ev.User = v
			if d := r.get(domainOf(n)); !nobody(d) {
				r.ev.UserDomain = d
			}
			return
		}
	}
}

func domainOf(name string) string {
	switch name {
	case "TargetUserName":
		return "TargetDomainName"
	case "SubjectUserName":
		return "SubjectDomainName"
	}
	return ""
}

func (r *Reader) security() {
	e := &r.ev
	e.from(r.getAny("IpAddress", "ClientAddress", "SourceAddress", "ClientIPAddress"))
	e.SrcPort = port(r.getAny("IpPort", "SourcePort", "ClientPort"))
	status := r.getAny("SubStatus", "Status")
	if string(status) == "0x0" && r.has("Status") {
		status = r.get("Status")
	}
	switch e.ID {
	case 4624, 4648, 4778:
		e.did(Login, Success)
		r.windowsUser("TargetUserName", "AccountName")
	case 4625, 529, 4771, 4777, 4769, 4768, 4776, 4770:
		r.windowsUser("TargetUserName", "UserName")
		e.did(Login, Success)
		r.refused(status)
	case 4634, 4647, 4779:
		e.Action = Logout
		r.windowsUser("TargetUserName", "AccountName")
	case 4740:
		e.did(Lockout, Failure)
		r.windowsUser("TargetUserName")
		e.Name, e.UserDomain = e.UserDomain, nil // the computer that asked
	case 6272, 6273, 6274, 6278, 6279:
		r.npsEvent()
	case 4688, 4689:
		e.did(Command, Success)
		e.Name = r.getAny("CommandLine", "NewProcessName", "ProcessName")
		r.windowsUser("SubjectUserName", "TargetUserName")
	case 5156, 5157, 5152, 5154:
		e.did(Connect, Success)
		if e.ID == 5157 || e.ID == 5152 {
			e.Outcome = Denied
		}
		r.assign()
	case 1102, 104:
		e.did(Change, Success)
		e.Name = e.Channel
		r.windowsUser("SubjectUserName")
	case 7045, 4697, 4698, 4702, 4719, 4720, 4722, 4723, 4724, 4725, 4726, 4728, 4729, 4732, 4733, 4738, 4756, 4757, 4767, 4781, 7040, 7034, 7036, 4946, 4947, 4948, 5136, 5137, 5141, 4739, 4713:
		r.changed()
	case 5140, 5145:
		e.Name = r.getAny("RelativeTargetName", "ShareName")
		r.windowsUser("SubjectUserName")
	case 18456:
		r.mssqlText(r.getAny("Message", "Data"))
		e.Product = "mssql"
	default:
		r.windowsUser("TargetUserName", "SubjectUserName")
	}
	if !e.Source.IsValid() && e.User == nil {
		if m := r.get("Message"); len(m) > 0 {
			r.rendered(m)
		}
	}
}

// refused tells from the status of a log-on how it ended.
func (r *Reader) refused(status []byte) {
	e := &r.ev
	switch {
	case e.ID == 4625 || e.ID == 529 || e.ID == 4771 || e.ID == 4777:
		e.Outcome = Failure
	case len(status) == 0 || fold(status, "0x0"):
	default:
		e.Outcome = Failure
	}
	if e.Outcome != Failure {
		return
	}
	switch {
	case fold(status, "0xc0000064") || (e.ID == 4768 || e.ID == 4771) && fold(status, "0x6"):
		e.Action = InvalidUser
	case fold(status, "0xc0000234"):
		e.Action = Lockout
	}
}

func (r *Reader) changed() {
	e := &r.ev
	e.did(Change, Success)
	e.Name = r.getAny("ServiceName", "TaskName", "TargetUserName", "param1", "RuleName", "ObjectDN", "Data")
	r.windowsUser("SubjectUserName", "AccountName")
	if e.ID == 4723 || e.ID == 4724 {
		if k := r.get("Keywords"); fold(k, "0x8010000000000000") || hasFold(k, "failure") {
			e.Outcome = Failure
		}
	}
}

func (r *Reader) npsEvent() {
	e := &r.ev
	e.did(Login, Success)
	if e.ID != 6272 && e.ID != 6278 {
		e.Outcome = Failure
	}
	e.person(r.getAny("SubjectUserName", "FullyQualifiedSubjectUserName"))
	if d := r.get("SubjectDomainName"); !nobody(d) {
		e.UserDomain = d
	}
	e.from(r.getAny("CallingStationID", "CallingStationId"))
	e.to(r.getAny("NASIPv4Address", "ClientIPAddress"))
}

// rasEvent reads the server of AlwaysOn VPN, whose fields have no names:
// CoId, user, address or port, reason.
func (r *Reader) rasEvent() {
	e := &r.ev
	e.did(Connect, "")
	switch e.ID {
	case 20271:
		e.did(Login, Failure)
	case 20274, 20250:
		e.did(Login, Success)
	case 20272, 20275:
		e.Action = Logout
	case 20255, 20227:
		e.did(Connect, Failure)
	}
	for i := range r.fields {
		if n := r.fields[i].Name; n != "Data" && n != "Message" && n != "UserName" && n != "param" {
			continue
		}
		v := r.fields[i].Value
		if a, p, ok := addrPort(v); ok {
			if !e.Source.IsValid() {
				e.Source, e.SrcPort = a, p
			}
		} else if e.User == nil && len(v) < 128 && bytes.IndexByte(v, '{') < 0 && bytes.IndexByte(v, ' ') < 0 && digits(v) < len(v) {
			e.person(v)
		}
	}
	if m := r.get("Message"); !e.Source.IsValid() && len(m) > 0 {
		rasForms.read(m, e)
	}
}

var rasForms = compile(
	form{text: "{any}The user {user} connected from {ip} but failed an authentication attempt", action: Login, outcome: Failure},
	form{text: "{any}The user {user} connected on port {any}", action: Login, outcome: Success},
)

func (r *Reader) terminal() {
	e := &r.ev
	switch e.ID {
	case 1149, 21, 25:
		e.did(Login, Success)
		if e.ID == 1149 {
			e.Action, e.Outcome = Connect, Success // the name was asked for; the log-on comes after
		}
	case 23, 24, 39, 40:
		e.Action = Logout
	case 131:
		e.Action = Connect
	case 140:
		e.did(Login, Failure)
	}
	e.person(r.getAny("User", "Param1"))
	if d := r.get("Param2"); !nobody(d) && e.UserDomain == nil {
		e.UserDomain = d
	}
	e.from(r.getAny("Address", "Param3", "ClientIP", "IPString"))
}

func (r *Reader) sysmon() {
	e := &r.ev
	e.person(r.get("User"))
	switch e.ID {
	case 1:
		e.did(Command, Success)
		e.Name = r.getAny("CommandLine", "Image")
	case 3:
		e.did(Connect, Success)
	case 11, 15, 23, 26, 29:
		e.Name = r.get("TargetFilename")
	case 12, 13, 14:
		e.did(Change, Success)
		e.Name = r.get("TargetObject")
	case 22:
		e.did(Query, Success)
		e.Name = r.get("QueryName")
	}
}

func (r *Reader) defender() {
	e := &r.ev
	e.Product = "defender"
	switch e.ID {
	case 1006, 1007, 1008, 1015, 1116, 1117, 1118, 1119, 1121, 1122, 1123, 1125, 1126:
		e.did(Alert, "")
		if e.ID == 1007 || e.ID == 1117 || e.ID == 1121 {
			e.Outcome = Denied
		}
	case 5001, 5004, 5007, 5010, 5012, 5013:
		e.did(Change, Success)
		e.Name = r.getAny("New Value", "Feature Name", "Product Name")
	}
	e.Threat = r.getAny("Threat Name", "ThreatName", "ID")
	if e.Action == Alert {
		set(&e.Name, r.getAny("Path", "FWLink"))
	}
	e.person(r.getAny("Detection User", "Source User", "User"))
	switch s := r.getAny("Severity Name", "SeverityName"); {
	case hasFold(s, "severe"), hasFold(s, "high"), hasFold(s, "grave"), hasFold(s, "alto"):
		e.Level = "high"
	case hasFold(s, "moderate"), hasFold(s, "medium"), hasFold(s, "medio"):
		e.Level = "medium"
	case hasFold(s, "low"), hasFold(s, "basso"):
		e.Level = "low"
	}
}

// rendered reads the text that the Event Viewer shows, in English or Italian;
// each label's last place counts, and the address stands behind all names.
func (r *Reader) rendered(m []byte) {
	e := &r.ev
	last := func(labels ...string) []byte {
		for _, l := range labels {
			if i := lastIndex(m, l); i >= 0 {
				v := trimLines(m[i+len(l):])
				for j, c := range v {
					if c <= ' ' {
						return v[:j]
					}
				}
				return v
			}
		}
		return nil
	}
	e.from(last("Source Network Address:", "Indirizzo di rete di origine:", "Client Address:", "Indirizzo client:", "Network Address:"))
	e.SrcPort = port(last("Source Port:", "Porta di origine:", "Client Port:", "Porta client:"))
	if e.ID == 4625 || e.ID == 4624 {
		// The first account is who asked, the second one who was to log on.
		for _, l := range [...]string{"Account Name:", "Nome account:"} {
			i := index(m, l)
			if i < 0 {
				continue
			}
			rest := m[i+len(l):]
			if j := index(rest, l); j >= 0 {
				rest = rest[j+len(l):]
			}
			w, _ := word(trimLines(rest))
			if k := bytes.IndexAny(w, "\r\n"); k >= 0 {
				w = w[:k]
			}
			e.person(w)
			return
		}
	}
	e.person(last("Account Name:", "Nome account:", "Logon Account:", "Account di accesso:", "User Name:"))
}

// snare reads the fields parted by tabs that Snare and its heirs send:
// MSWinEventLog, criticality, log, count, time, id, provider, user, …, text.
func (r *Reader) snare(b []byte) bool {
	sep := byte('\t')
	if bytes.IndexByte(b, sep) < 0 {
		b = bytes.ReplaceAll(b, []byte("#011"), []byte("\t"))
	}
	c := r.split(b, sep)
	if len(c) < 10 {
		return false
	}
	e := &r.ev
	r.whenField(c[4])
	e.Product, e.ID, e.Channel, e.Device = "windows", count(c[5]), c[2], at(c, 10)
	r.add("EventID", c[5])
	r.add("Channel", c[2])
	r.add("Provider_Name", c[6])
	r.add("Computer", at(c, 10))
	r.add("Message", at(c, 13))
	e.Action = Other
	r.security()
	return true
}
