//! What a replay came to, as tables; as JSON in `json`.

mod json;

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;

use super::count::Distinct;
use super::judge::Before;
use super::tally::{OfRoute, RefusedRequest, Tally};
use crate::screen::{BAD, Cell, FAINT, GOOD, HEAD, NOTE, aligned, grouped, number, say, shown, styled, text};

/// All that is told.
pub struct Report<'r, 'p> {
    /// The sum.
    pub tally: &'r Tally<'p>,
    /// The policy.
    pub policy: &'p Policy,
    /// The logs, each with the name of its format.
    pub logs: Vec<(String, Option<&'static str>)>,
    /// The variables that are stood in for.
    pub unset: Vec<String>,
    /// The host of requests whose log has none.
    pub host: &'r str,
    /// At which time signed URLs were judged, if any route asks for signatures.
    pub judged_at: Option<JudgedAt>,
    /// So many of the most frequent are listed.
    pub top: usize,
}

/// At which time signed URLs are judged.
#[derive(Debug, Clone, Copy)]
pub enum JudgedAt {
    /// That of each line.
    Line,
    /// This one, in seconds since 1970.
    Fixed(u64),
}

impl Report<'_, '_> {
    /// Prints it as tables.
    pub fn print(&self) {
        self.print_logs();
        self.print_decisions();
        self.print_changes();
        self.print_routes();
        self.print_variants();
        let new = self.tally.newly_refused.sorted();
        self.print_refused("served in the log, and would be refused", &new, self.tally.newly_refused.slack());
        if new.is_empty() {
            self.print_refused(
                "would be refused most often",
                &self.tally.refused.sorted(),
                self.tally.refused.slack(),
            );
        }
        self.print_unread();
    }

    fn print_logs(&self) {
        for (log, format) in &self.logs {
            say(format_args!("{log}: {}", format.unwrap_or("no line could be read")));
        }
        let tally = self.tally;
        let unread = format!("{} that cannot be read", grouped(tally.unread));
        let unread = if tally.unread > 0 { styled(NOTE, unread) } else { unread };
        let other = grouped(tally.passed_over);
        say(format_args!("{} requests; {other} other lines, {unread}", grouped(tally.requests())));
        if tally.hostless > 0 {
            let (count, host) = (grouped(tally.hostless), self.host);
            say(format_args!("{count} requests of which the log has no host: judged as of {host} (--host)"));
        }
        match self.judged_at {
            Some(JudgedAt::Line) => {
                say("signed URLs are judged at the time of each line (--now for another)")
            }
            Some(JudgedAt::Fixed(now)) => say(format_args!("signed URLs are judged at {now}")),
            None => {}
        }
        if !self.unset.is_empty() {
            say(format_args!("not set, and stood in for: {}", self.unset.join(", ")));
        }
    }

    fn print_decisions(&self) {
        let (served, refused) = (self.tally.judged(true), self.tally.judged(false));
        let mut rows = vec![heading(&["would be", ">requests", ">share", ""])];
        let all = self.tally.requests();
        let row = |name: Cell, count: u64, note: Cell| vec![name, number(count), share(count, all), note];
        rows.push(row(text("served").styled(GOOD), served, text("")));
        rows.push(row(text("refused").styled(BAD), refused, text("")));
        let mut reasons: Vec<_> = self.tally.reasons.iter().collect();
        reasons.sort_by(|(_, one), (_, other)| other.cmp(one));
        for (reason, count) in reasons {
            rows.push(row(text(format_args!("  {reason}")), *count, text("")));
        }
        for (why, count) in &self.tally.unjudged {
            rows.push(row(text("not known").styled(NOTE), *count, text(why)));
        }
        section(&rows);
    }

    fn print_changes(&self) {
        let mut rows = vec![heading(&["in the log", ">would be served", ">would be refused"])];
        for before in Before::ALL {
            let (served, refused) = (self.tally.change(before, true), self.tally.change(before, false));
            if served > 0 || refused > 0 {
                let style = if before == Before::Served && refused > 0 { BAD } else { anstyle::Style::new() };
                rows.push(vec![text(before.name()), number(served), number(refused).styled(style)]);
            }
        }
        section(&rows);
    }

    fn print_routes(&self) {
        let head = ["route", ">served", ">refused", ">newly refused", ">pictures", ">of a source", "path"];
        let mut rows = vec![heading(&head)];
        for (index, route) in self.policy.variants().enumerate() {
            let of = self.tally.routes.get(&index);
            let count = |count: fn(&OfRoute) -> u64| number(of.map(count).unwrap_or_default());
            let most = match route.count {
                u64::MAX => text("unlimited").right(),
                count => text(format_args!("<= {}", grouped(count))).right(),
            };
            rows.push(vec![
                text(route.rule),
                count(|of| of.served),
                count(|of| of.refused),
                count(|of| of.newly_refused),
                of.map_or(number(0), |of| distinct(&of.pictures)),
                most,
                text(route.path).styled(FAINT),
            ]);
        }
        section(&rows);
        if !self.tally.presets.is_empty() {
            let mut presets: Vec<_> = self.tally.presets.iter().collect();
            presets.sort_by(|(_, one), (_, other)| other.cmp(one));
            let mut rows = vec![heading(&["preset", ">requests"])];
            rows.extend(presets.iter().take(self.top).map(|(name, count)| vec![text(name), number(**count)]));
            more(&mut rows, presets.len(), self.top);
            section(&rows);
        }
    }

    fn print_variants(&self) {
        let tally = self.tally;
        if tally.judged(true) == 0 {
            return;
        }
        let rows = [
            vec![text("different pictures").styled(HEAD), distinct(&tally.pictures)],
            vec![text("of different sources").styled(HEAD), distinct(&tally.sources)],
            vec![text("by different transforms").styled(HEAD), distinct(&tally.transforms)],
        ];
        section(&rows);
        let transforms = tally.by_transform.sorted();
        let mut rows = vec![heading(&[">requests", "transform"])];
        let line = |(transform, count): &(String, u64)| {
            vec![counted(*count, tally.by_transform.slack()), text(transform)]
        };
        rows.extend(transforms.iter().take(self.top).map(line));
        more(&mut rows, transforms.len(), self.top);
        section(&rows);
        let sources = tally.by_source.sorted();
        let mut rows = vec![heading(&[">pictures", "of the source"])];
        let line = |((origin, source), count): &((&str, String), u64)| {
            vec![
                counted(*count, tally.by_source.slack()),
                text(format_args!("{origin}: {}", shown(source.as_bytes(), 80))),
            ]
        };
        rows.extend(sources.iter().take(self.top).map(line));
        more(&mut rows, sources.len(), self.top);
        section(&rows);
    }

    fn print_refused(&self, title: &str, requests: &[(RefusedRequest, u64)], slack: u64) {
        if requests.is_empty() {
            return;
        }
        say("");
        say(styled(HEAD, title));
        let mut rows = vec![heading(&[">requests", "reason", "rule", "request"])];
        for (request, count) in requests.iter().take(self.top) {
            let RefusedRequest { reason, rule, host, target } = request;
            rows.push(vec![
                counted(*count, slack),
                text(reason),
                text(rule),
                text(format_args!("{host}{target}")),
            ]);
            if let Some(hint) = self.hint(request) {
                rows.push(vec![text(""), text(""), text(""), text(hint).styled(NOTE)]);
            }
        }
        more(&mut rows, requests.len(), self.top);
        aligned(&rows).iter().for_each(say);
    }

    fn print_unread(&self) {
        let tally = self.tally;
        if tally.first_unread.is_empty() {
            return;
        }
        say("");
        say(styled(HEAD, "lines that cannot be read"));
        for line in &tally.first_unread {
            say(format_args!("{}:{}: {}", line.log, line.line, line.reason));
        }
        let told = u64::try_from(tally.first_unread.len()).unwrap_or_default();
        if tally.unread > told {
            say(styled(FAINT, format_args!("and {} more", grouped(tally.unread.saturating_sub(told)))));
        }
    }

    /// What a refused request most likely meant.
    fn hint(&self, request: &RefusedRequest) -> Option<String> {
        let headers = [(":method", "GET"), (":authority", &request.host), (":path", &request.target)]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let Decision::Reject(refusal) = self.policy.decide(&headers, true, None) else { return None };
        let advice = self.policy.advice(&headers, &refusal)?;
        advice.meant.is_some().then(|| advice.to_string())
    }
}

/// A row of headings; `>` stands before those of numbers.
fn heading(names: &[&str]) -> Vec<Cell> {
    let cell = |name: &&str| match name.strip_prefix('>') {
        Some(name) => text(name).styled(HEAD).right(),
        None => text(name).styled(HEAD),
    };
    names.iter().map(cell).collect()
}

/// Prints a table with an empty line before it.
fn section(rows: &[Vec<Cell>]) {
    say("");
    aligned(rows).iter().for_each(say);
}

fn share(count: u64, all: u64) -> Cell {
    let rounded = count.saturating_mul(1000).saturating_add(all / 2);
    let tenths = rounded.checked_div(all).unwrap_or_default();
    text(format_args!("{}.{} %", tenths / 10, tenths % 10)).right()
}

/// A count that may be too high.
fn counted(count: u64, slack: u64) -> Cell {
    if slack == 0 { number(count) } else { text(format_args!("<= {}", grouped(count))).right() }
}

/// A count that may be an estimate.
fn distinct(count: &Distinct) -> Cell {
    let shown = grouped(count.count());
    if count.is_exact() { text(shown).right() } else { text(format_args!("~ {shown}")).right() }
}

fn more(rows: &mut Vec<Vec<Cell>>, all: usize, top: usize) {
    if let Some(rest) = all.checked_sub(top).filter(|rest| *rest > 0) {
        rows.push(vec![text(format_args!("and {rest} more")).styled(FAINT)]);
    }
}
