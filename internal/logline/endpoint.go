package logline

// eset reads the JSON of ESET PROTECT; its key for the time is spelled "occured".
func (r *Reader) eset() bool {
	e := &r.ev
	e.Product = "eset"
	kind := r.get("event_type")
	if len(kind) == 0 {
		return r.anyRecord(maxDepth)
	}
	e.Channel = kind
	r.whenField(r.getAny("occured", "occurred"))
	e.Device = r.get("hostname")
	e.from(r.get("source_address"))
	e.SrcPort = port(r.get("source_port"))
	e.to(r.get("target_address"))
	e.DestPort = port(r.get("target_port"))
	e.Proto = protocol(r.get("protocol"))
	e.person(r.getAny("username", "account", "user"))
	e.Level = level(r.get("severity"))
	switch {
	case string(kind) == "Audit_Event":
		r.level = nil
		e.did(Change, "")
		e.Name = r.getAny("target", "detail")
		if res := r.get("result"); hasFold(res, "fail") || hasFold(res, "denied") {
			e.Outcome = Failure
		} else if len(res) > 0 {
			e.Outcome = Success
		}
		if a, d := r.get("action"), r.get("domain"); hasFold(a, "login") || hasFold(a, "logon") || hasFold(d, "session") {
			e.Action = Login
			if e.User == nil {
				e.person(r.get("target"))
			}
			if p, q, ok := whose(r.get("detail")); ok && !e.Source.IsValid() {
				e.Source, e.SrcPort = p, q
			}
		}
	default:
		e.did(Alert, "")
		e.Threat = r.getAny("threat_name", "event", "rule_name", "rulename", "cause")
		e.Name = r.getAny("object_uri", "processname", "application")
		if h := r.get("threat_handled"); string(h) == "true" || string(h) == "1" || hasFold(r.get("action"), "block") || string(r.get("handled")) == "true" {
			e.Outcome = Denied
		}
	}
	return true
}

func (r *Reader) sentinelone() bool {
	e := &r.ev
	e.Product = "sentinelone"
	e.did(Alert, "")
	r.whenField(r.getAny("threatInfo.identifiedAt", "threatInfo.createdAt", "createdAt"))
	e.Device = r.getAny("agentRealtimeInfo.agentComputerName", "agentDetectionInfo.agentComputerName", "computerName")
	e.Threat = r.getAny("threatInfo.threatName", "threatName", "threatInfo.classification")
	e.Name = r.getAny("threatInfo.filePath", "filePath")
	e.person(r.getAny("threatInfo.processUser", "agentDetectionInfo.agentLastLoggedInUserName", "processUser"))
	switch c := r.get("threatInfo.confidenceLevel"); {
	case fold(c, "malicious"):
		e.Level = "high"
	case fold(c, "suspicious"):
		e.Level = "medium"
	}
	if m := r.get("threatInfo.mitigationStatus"); fold(m, "mitigated") || fold(m, "marked_as_benign") {
		e.Outcome = Denied
	}
	return true
}

// defender365 reads alerts of Microsoft 365 Defender (Graph, the older API) and
// the events of advanced hunting.
func (r *Reader) defender365() bool {
	e := &r.ev
	if cat := r.get("category"); starts(cat, "AdvancedHunting-") {
		return r.hunting(cat)
	}
	if !r.has("severity") && !r.has("properties.Severity") || !(r.has("title") || r.has("threatName") || r.has("properties.Title") || r.has("alertWebUrl") || r.has("incidentId")) {
		return r.anyRecord(maxDepth)
	}
	e.Product = "m365-defender"
	e.did(Alert, "")
	r.whenField(r.getAny("createdDateTime", "alertCreationTime", "creationTime", "lastUpdateTime", "properties.Timestamp", "time"))
	e.Threat = r.getAny("title", "properties.Title", "threatName")
	e.Level = level(r.getAny("severity", "properties.Severity"))
	e.Device = r.getAny("evidence.deviceDnsName", "computerDnsName", "devices.deviceDnsName", "properties.DeviceName")
	e.person(r.getAny("evidence.userAccount.accountName", "relatedUser.userName", "entities.accountName", "properties.AccountName"))
	e.from(r.getAny("evidence.ipAddress", "entities.ipAddress", "properties.RemoteIP"))
	e.Name = r.getAny("evidence.fileDetails.fileName", "entities.fileName", "properties.FileName")
	e.Channel = r.getAny("serviceSource", "detectionSource")
	return true
}

func (r *Reader) hunting(cat []byte) bool {
	e := &r.ev
	e.Product, e.Channel = "m365-defender", cat[16:]
	r.whenField(r.getAny("properties.Timestamp", "time"))
	e.Device = r.get("properties.DeviceName")
	e.person(r.getAny("properties.AccountName", "properties.InitiatingProcessAccountName"))
	e.from(r.getAny("properties.RemoteIP", "properties.IPAddress"))
	e.SrcPort = port(r.get("properties.RemotePort"))
	act := r.get("properties.ActionType")
	switch {
	case fold(act, "logonfailed"):
		e.did(Login, Failure)
	case fold(act, "logonsuccess"):
		e.did(Login, Success)
	case string(e.Channel) == "DeviceNetworkEvents":
		e.did(Connect, Success)
		e.Dest, e.DestPort, e.Source, e.SrcPort = e.Source, e.SrcPort, addr(r.get("properties.LocalIP")), port(r.get("properties.LocalPort"))
		if hasFold(act, "fail") || hasFold(act, "block") {
			e.Outcome = Denied
		}
	case string(e.Channel) == "DeviceProcessEvents":
		e.did(Command, Success)
		e.Name = r.get("properties.ProcessCommandLine")
	case fold(act, "antivirusdetection"):
		e.did(Alert, "")
		e.Threat = r.getAny("properties.AdditionalFields.ThreatName", "properties.FileName")
	default:
		e.Action = Other
	}
	return true
}

func (r *Reader) harfanglab() bool {
	e := &r.ev
	if !r.has("rule_name") && !r.has("alert_type") && !r.has("alert_unique_id") {
		return r.anyRecord(maxDepth)
	}
	e.Product = "harfanglab"
	e.did(Alert, "")
	r.whenField(r.getAny("alert_time", "@timestamp", "@event_create_date"))
	e.Device = r.getAny("agent.hostname", "agent.dnsdomainname")
	e.Threat = r.getAny("rule_name", "msg")
	e.Level = level(r.get("level"))
	e.Name = r.getAny("process.commandline", "process.image_name", "target.filename")
	e.person(r.getAny("process.username", "user.name", "username"))
	e.Channel = r.get("alert_type")
	e.from(r.getAny("connection.src_addr", "details_connection.saddr", "authentication.source_address"))
	e.to(r.getAny("details_connection.daddr"))
	if s := r.get("status"); fold(s, "blocked") || hasFold(r.get("maturity"), "block") {
		e.Outcome = Denied
	}
	return true
}

func (r *Reader) withsecure() bool {
	e := &r.ev
	e.Product = "withsecure"
	e.did(Alert, "")
	r.whenField(r.getAny("clientTimestamp", "serverTimestamp", "persistenceTimestamp"))
	e.Device = r.getAny("device.name", "target.name", "details.hostName")
	e.Threat = r.getAny("details.infectionName", "details.alertType", "description", "details.reason")
	e.Name = r.getAny("details.filePath", "details.path", "details.url")
	e.person(r.getAny("details.userName", "userName"))
	e.Level = level(r.get("severity"))
	e.Channel = r.get("engine")
	if a := r.get("action"); hasFold(a, "block") || hasFold(a, "quarantin") || hasFold(a, "remove") || hasFold(a, "clean") {
		e.Outcome = Denied
	}
	if a := r.getAny("details.remoteAddress", "details.attackerIp"); len(a) > 0 {
		e.from(a)
	}
	return true
}

// kaspersky reads what the Security Center exports: the data of RFC 5424 carry
// the kind (et), the host and its address (hdn, hip); the rest is text in the
// language of the console, several lines in one record.
func (r *Reader) kaspersky(msg []byte) bool {
	e := &r.ev
	kind := r.get("et")
	e.Product, e.Channel = "kaspersky", kind
	e.Device = r.getAny("hdn", "hip")
	e.Threat = r.getAny("p5", "p2", "etdn")
	line := func(labels ...string) []byte {
		for _, l := range labels {
			if v := sub(msg, l); v != nil {
				for i, c := range v {
					if c == '\r' || c == '\n' || starts(v[i:], "#015") || starts(v[i:], "#012") {
						return trim(v[:i])
					}
				}
				return trim(v)
			}
		}
		return nil
	}
	e.person(line("User: ", "Utente: ", "User name: "))
	e.Name = line("Object: ", "Oggetto: ", "Object\\Path: ", "Path: ", "Percorso: ")
	if n := line("Object name: ", "Name: ", "Nome: ", "Nome oggetto: ", "Result\\Name: "); n != nil {
		e.Threat = n
	}
	if s := line("Attacker IP: ", "Attacking computer address: ", "Indirizzo del computer di attacco: ", "Computer: "); s != nil {
		e.from(s)
	}
	switch {
	case has(kind, "VIRUS"), has(kind, "MALWARE"), has(kind, "INFECTED"), has(kind, "OBJECT_"), has(kind, "ATTACK"), has(kind, "SUSPICIOUS"), has(kind, "PHISHING"), has(kind, "RANSOM"):
		e.did(Alert, "")
		e.Level = "high"
		if has(kind, "CURED") || has(kind, "DELETED") || has(kind, "BLOCKED") || has(kind, "QUARANTINED") {
			e.Outcome, e.Level = Denied, "medium"
		}
	case has(kind, "AUTH") || has(kind, "LOGIN"):
		e.did(Login, Success)
		if has(kind, "FAIL") || has(kind, "DENIED") {
			e.Outcome = Failure
		}
	default:
		e.did(Other, "")
	}
	return true
}
