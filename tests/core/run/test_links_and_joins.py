"""Tokens, joins, skips and ports."""

DIAMOND = """
steps:
  a: {type: act}
  b: {type: act}
  c: {type: act}
  d: {type: act, join: JOIN}
links: [a -> b, a -> c, b -> d, c -> d]
"""


def test_steps_without_links_start_at_once(drive):
    hand = drive("steps: {a: {type: act}, b: {type: act}}")
    assert sorted(hand.open) == ["a", "b"]


def test_join_all_waits_for_every_live_link(drive):
    hand = drive(DIAMOND.replace("JOIN", "all")).succeed("a").succeed("b")
    assert list(hand.open) == ["c"]
    hand.succeed("c")
    assert list(hand.open) == ["d"]
    hand.succeed("d").check_replay()
    assert hand.status == "succeeded"


def test_join_any_fires_once_and_absorbs_the_late_token(drive):
    hand = drive(DIAMOND.replace("JOIN", "any")).succeed("a").succeed("b")
    assert sorted(hand.open) == ["c", "d"]
    hand.succeed("d").succeed("c").check_replay()
    assert [command.path for command in hand.executed].count("d") == 1
    assert hand.status == "succeeded"


def test_a_join_by_number_is_skipped_when_too_few_links_can_be_live(drive):
    text = """
steps:
  s: {type: switch, with: {cases: {x: "{{ true }}", y: "{{ true }}"}}}
  a: {type: act}
  b: {type: act}
  d: {type: act, join: 2}
links: [s.x -> a, s.y -> b, a -> d, b -> d]
"""
    hand = drive(text).succeed("a")
    assert hand.how("d") == "skipped"
    assert hand.check_replay().status == "succeeded"


def test_the_dead_branch_is_skipped_down_to_the_join(drive):
    text = """
steps:
  q: {type: if, with: {condition: "{{ input.large }}"}}
  ask: {type: act}
  tell: {type: act}
  go: {type: act}
links: [q.true -> ask, ask -> tell, tell -> go, q.false -> go]
"""
    hand = drive(text, {"large": False})
    assert hand.how("ask") == hand.how("tell") == "skipped"
    assert hand.succeed("go").check_replay().status == "succeeded"
    hand = drive(text, {"large": True}).succeed("ask").succeed("tell").succeed("go")
    assert hand.order == ["q", "ask", "tell", "go"]


def test_a_token_on_an_unlinked_port_ends_there(drive):
    hand = drive(
        'steps: {q: {type: if, with: {condition: "{{ false }}"}}, a: {type: act}}\nlinks: [q.true -> a]'
    )
    assert hand.how("a") == "skipped"
    assert hand.status == "succeeded"


def test_the_output_is_that_of_the_only_end_step_or_as_written(drive):
    assert drive('steps: {a: {type: transform, with: {set: {n: "{{ input * 2 }}"}}}}', 4).state.output == {
        "n": 8
    }
    assert drive("steps: {a: {type: noop}, b: {type: noop}}", 4).state.output is None
    assert drive('steps: {a: {type: noop}}\noutput: {twice: "{{ input * 2 }}"}', 4).state.output == {
        "twice": 8
    }


def test_a_disabled_step_passes_null_on(drive):
    hand = drive("steps: {a: {type: act, disabled: true}, b: {type: act}}\nlinks: [a -> b]")
    assert list(hand.open) == ["b"]
    assert hand.how("a") == "disabled"


def test_switch_in_mode_all_opens_every_case_that_holds(drive):
    text = """
steps:
  s: {type: switch, with: {mode: all, cases: {x: "{{ input > 1 }}", y: "{{ input > 2 }}", z: "{{ input > 3 }}"}}}
  a: {type: act}
  b: {type: act}
  c: {type: act}
  e: {type: act}
links: [s.x -> a, s.y -> b, s.z -> c, s.else -> e]
"""
    assert sorted(drive(text, 3).open) == ["a", "b"]
    assert sorted(drive(text, 0).open) == ["e"]


def test_a_result_that_comes_twice_counts_once(drive):
    hand = drive("steps: {a: {type: act}, b: {type: act}}\nlinks: [a -> b]")
    command = hand.open["a"]
    hand.succeed("a", 1)
    hand.open["a"] = command
    hand.succeed("a", 2)
    assert hand.state.root.outputs["a"] == 1
    assert len(hand.executed) == 2
