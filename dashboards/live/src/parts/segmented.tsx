/** A choice of one among few, as radio buttons: arrow keys move it, a screen reader counts it. */
export function Segmented<Choice extends string>(props: {
  readonly legend: string;
  readonly name: string;
  readonly choices: readonly { readonly value: Choice; readonly label: string }[];
  readonly chosen: Choice;
  readonly onChoose: (value: Choice) => void;
}) {
  const { legend, name, choices, chosen, onChoose } = props;
  return (
    <fieldset class="segmented">
      <legend class="unseen">{legend}</legend>
      {choices.map(({ value, label }) => (
        <label key={value}>
          <input
            type="radio"
            class="unseen"
            name={name}
            value={value}
            checked={value === chosen}
            onChange={() => onChoose(value)}
          />
          <span data-label={label}>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
