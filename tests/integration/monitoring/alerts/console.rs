//! The page of the console that an alert links to, and the link in its mail.

use super::rules::{Rule, read};
use super::run;

/// The page of the console that shows the cause, without what depends on a label. The link is empty where
/// Prometheus does not know the console.
pub(super) fn console_page(alert: &Rule) -> Option<&str> {
    let link = alert.fields.get("console_url")?;
    let page = link.strip_prefix("{{ with $externalLabels.console }}{{ . }}")?;
    let page = page.strip_suffix("{{ end }}")?;
    let page = page.split("&reason={{ $labels.reason }}").next()?;
    page.starts_with('/').then_some(page)
}

fn kind(template: &str) -> &str {
    template.trim_start_matches("paynow.")
}

/// A mail about one alert, as Alertmanager renders our templates.
fn mail_about(template: &str, console_url: &str) -> String {
    let alert = serde_json::json!({
        "status": "firing",
        "labels": {"alertname": "PayNowQueueStuck", "severity": "critical"},
        "annotations": {
            "summary": "s", "description": "d", "console_url": console_url,
            "runbook_url": "https://runbooks.example/PayNowQueueStuck.md",
        },
        "startsAt": "2026-01-02T03:04:05Z", "endsAt": "2026-01-02T03:04:05Z",
        "generatorURL": "https://prometheus.example/graph",
    });
    let data = serde_json::json!({
        "receiver": "on-call", "status": "firing", "alerts": [alert], "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "https://alerts.example",
    });
    let file = std::env::temp_dir().join(format!("mail-{}-{template}.json", std::process::id()));
    std::fs::write(&file, data.to_string()).expect("a file of a test");
    let text = format!("{{{{ template \"{template}\" . }}}}");
    let mail = run(
        "amtool",
        &[
            "template",
            "render",
            &format!("--template.type={}", kind(template)),
            "--template.glob=deploy/alertmanager/email.tmpl",
            &format!("--template.text={text}"),
            &format!("--template.data={}", file.display()),
        ],
    );
    std::fs::remove_file(&file).expect("a file of a test");
    mail
}

#[test]
fn a_mail_links_to_the_console_where_prometheus_knows_it() {
    let page = "https://console.example/live#live-queues";
    let text = mail_about("paynow.text", page);
    assert!(
        text.contains(&format!("\n  Console: {page}\n  Runbook: ")),
        "{text}"
    );
    let html = mail_about("paynow.html", page);
    assert!(html.contains("\">Console</a> &middot; <a href="), "{html}");
    for template in ["paynow.text", "paynow.html"] {
        let mail = mail_about(template, "");
        assert!(
            !mail.contains("Console") && mail.contains("Runbook"),
            "{mail}"
        );
    }
    let prometheus = read("deploy/prometheus/prometheus.yml");
    assert!(prometheus.contains("\n    # console: https://console.example.org\n"));
    assert!(prometheus.contains("regex: runbooks|console\n"));
}
